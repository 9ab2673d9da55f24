/* Compiles control files and decides from facts as the programs do; tests/oracle/compare.py asks it through a pipe.
 * A question is, each line ended by LF:
 *
 *   text FILE BYTES     a control file; its bytes follow
 *   rules               compile the texts: `ok`, or `wrong N` and N complaints
 *   facts, then a field KEY=VALUE behind each TAB; see read_field. The answer, separated by TABs:
 *     allow | deny | tempfail, clients' line, `=` and RELAYCLIENT or `-`; verdict, reason, origin, FILE:LINE, an
 *     alias's targets separated by blanks. Nothing behind the gate's when it denies; `bad` when an address is none
 *   way, then options of relay-explain behind each TAB, and `becomes-mailbox=` and `becomes-mx=`: the whole way of a
 *     recipient, the network asked where the rules want it: the stage, verdict, reason, FILE:LINE, and what it becomes
 *   end                 forget the texts */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "facts/options.h"
#include "policy/decide.h"
#include "policy/gate.h"
#include "rules/compile.h"

#define HOSTS 32
#define FILES 16

static struct rules_text texts[FILES];
static size_t texts_n;
static struct table_set *tables;
static char *complaints;
static size_t complaints_len;

struct asked {
  struct facts f;
  struct address sender, recipient;
  struct ip hosts[HOSTS];
  char const *host, *info;
  int bad;
};

static void must(int condition, char const *what)
{
  if (condition) return;
  fprintf(stderr, "decide: %s\n", what);
  exit(100);
}

static void read_text(char *name)
{
  char *space = strchr(name, ' ');
  must(space && texts_n < FILES, "text FILE BYTES");
  *space = 0;
  size_t n = strtoul(space + 1, 0, 10);
  char *s = malloc(n + 1);
  must(s && fread(s, 1, n, stdin) == n, "a text is cut");
  texts[texts_n++] = (struct rules_text){ strdup(name), s, n };
}

static void complain(void *arg, int warning, char const *line)
{
  if (!warning) fprintf(arg, "%s\n", line);
}

static void compile(void)
{
  int fd = memfd_create("rules", 0);
  FILE *f = open_memstream(&complaints, &complaints_len);
  must(fd >= 0 && f && !tables, "unable to compile");
  int r = rules_compile_texts(texts, texts_n, fd, complain, f);
  fclose(f);
  must(r >= 0, "the compiler failed");
  size_t n = 0;
  for (size_t i = 0; i < complaints_len; i++) n += complaints[i] == '\n';
  if (r) {
    printf("wrong %zu\n%s", n, complaints);
  } else {
    tables = table_open_fd(fd);
    must(tables != 0, "the table can't be opened");
    puts("ok");
  }
  free(complaints);
  close(fd);
}

static void forget(void)
{
  while (texts_n) {
    texts_n--;
    free((char *)texts[texts_n].file);
    free((char *)texts[texts_n].s);
  }
  if (tables) table_close(tables);
  tables = 0;
}

static enum answer answer(char const *s)
{
  must(!strcmp(s, "yes") || !strcmp(s, "no") || !strcmp(s, "unknown"), "yes, no or unknown");
  return *s == 'y' ? ANSWER_YES : *s == 'n' ? ANSWER_NO : ANSWER_UNKNOWN;
}

static int read_path(struct address *a, char const *s, int null_ok)
{
  size_t used;
  return address_path(a, s, strlen(s), null_ok, 1, &used) == ADDRESS_OK && used == strlen(s);
}

static void read_hosts(struct asked *q, char *s)
{
  for (char *save, *one = strtok_r(s, ",", &save); one; one = strtok_r(0, ",", &save)) {
    must(q->f.hosts_n < HOSTS && ip_scan(q->hosts + q->f.hosts_n, one, strlen(one)), "hosts");
    q->f.hosts_n++;
  }
}

static void read_field(struct asked *q, char *key, char *value)
{
  struct facts *f = &q->f;
  if (!strcmp(key, "client")) must(ip_scan(&f->client, value, strlen(value)), "client");
  else if (!strcmp(key, "host")) q->host = value;
  else if (!strcmp(key, "info")) q->info = value;
  else if (!strcmp(key, "kept")) f->trusted = 1;
  else if (!strcmp(key, "listener")) f->listener = value;
  else if (!strcmp(key, "login")) f->login = value;
  else if (!strcmp(key, "privilege")) f->login_may_relay = 1;
  else if (!strcmp(key, "stamp")) f->stamp = value;
  else if (!strcmp(key, "wrong_sender")) f->wrong_sender = 1;
  else if (!strcmp(key, "stamp_unknown")) f->stamp_unknown = 1;
  else if (!strcmp(key, "tls")) f->tls = 1;
  else if (!strcmp(key, "sender")) q->bad |= !read_path(&q->sender, value, 1);
  else if (!strcmp(key, "recipient")) q->bad |= !read_path(&q->recipient, value, 0);
  else if (!strcmp(key, "mailbox")) f->mailbox = answer(value);
  else if (!strcmp(key, "mx")) f->mx = answer(value);
  else if (!strcmp(key, "hosts")) read_hosts(q, value);
  else must(0, key);
}

static void print_decision(struct facts const *f)
{
  static char const *const verdicts[] = { "accept", "refuse", "tempfail", "ask-mailbox", "ask-mx" };
  struct decision d;
  decide(&d, tables, f);
  printf("\t%s\t%s\t%s\t", verdicts[d.verdict], reason_word(d.reason), origin_word(d.origin));
  if (d.record.line) printf("%s:%u", d.record.file, (unsigned)d.record.line);
  putchar('\t');
  if (d.reason == REASON_ALIAS)
    for (uint32_t i = 0; i < d.record.len; i++) {
      if (d.record.data[i]) putchar(d.record.data[i]);
      else if (i + 1 < d.record.len) putchar(' ');
    }
}

/* As relay-gate does: a rule's RELAYCLIENT is what makes a client trusted, beside the environment's. */
static void ask(char *fields)
{
  static char const *const words[] = { "deny", "allow", "tempfail" };
  struct asked q = { .f = { .listener = "" } };
  struct record rule;
  uint32_t pos = 0;
  char const *var, *value = 0;
  for (char *save, *s = strtok_r(fields, "\t", &save); s; s = strtok_r(0, "\t", &save)) {
    char *equal = strchr(s, '=');
    must(equal != 0, s);
    *equal = 0;
    read_field(&q, s, equal + 1);
  }
  q.f.sender = &q.sender;
  q.f.recipient = &q.recipient;
  q.f.hosts = q.hosts;
  enum gate_verdict v = gate_find(tables, &q.f.client, q.host, q.info, &rule);
  if (v == GATE_ALLOW && rule.line)
    while (gate_variable(&rule, &pos, &var) > 0)
      if (!strncmp(var, "RELAYCLIENT=", 12)) value = var + 12;
  printf("%s\t%u\t%s%s", words[v], v == GATE_TEMPFAIL ? 0 : (unsigned)rule.line, value ? "=" : "-", value ? value : "");
  if (value) q.f.trusted = 1;
  if (q.bad) printf("\tbad");
  else if (v == GATE_ALLOW) print_decision(&q.f);
  putchar('\n');
}

/* What the network would say, once it is asked; an answer that nobody asked for must not count. */
static void answer_way(struct outcome *o, struct question *q, struct question_answers const truth[2])
{
  for (int turns = 0; ; turns++) {
    question_decide(o, q, tables);
    if (o->decision.verdict <= VERDICT_TEMPFAIL) return;
    int second = o->stage == STAGE_CHANGED;
    struct question_answers *known = second ? &q->becomes : &q->given;
    must(turns < 4, "asked again");
    if (o->decision.verdict == VERDICT_ASK_MAILBOX) {
      known->mailbox = truth[second].mailbox;
    } else {
      known->mx = truth[second].mx;
      known->hosts_n = truth[second].hosts_n;
      memcpy(known->hosts, truth[second].hosts, sizeof known->hosts);
    }
  }
}

static void way(char *fields)
{
  static char const *const stages[] = { "gate", "sender", "recipient", "given", "nowhere", "changed" };
  static struct question q;
  struct question_answers truth[2] = { { 0 }, { 0 } };
  struct outcome o;
  char const *why;
  question_init(&q);
  for (char *save, *s = strtok_r(fields, "\t", &save); s; s = strtok_r(0, "\t", &save)) {
    if (!strncmp(s, "becomes-mailbox=", 16)) must(answers_mailbox(truth + 1, s + 16, strlen(s + 16)), s);
    else if (!strncmp(s, "becomes-mx=", 11)) must(answers_mx(truth + 1, s + 11, strlen(s + 11)), s);
    else must(question_option(&q, (char const *const[]){ s, 0 }, &why) == 1, s);
  }
  must(!question_finish(&q), "facts that don't go together");
  truth[0] = q.given;
  q.given = (struct question_answers){ 0 };
  q.apart = 1;
  answer_way(&o, &q, truth);
  struct decision const *d = &o.decision;
  int decided = o.stage == STAGE_GIVEN || o.stage == STAGE_CHANGED;
  printf("%s\t%s\t%s\t", stages[o.stage], d->verdict == VERDICT_ACCEPT ? "accept" :
         d->verdict == VERDICT_REFUSE ? "refuse" : "tempfail", decided ? reason_word(d->reason) : "");
  if (d->record.line) printf("%s:%u", d->record.file, (unsigned)d->record.line);
  printf("\t%s\n", o.stage == STAGE_CHANGED ? o.changed.text : "");
}

int main(void)
{
  char *line = 0;
  size_t room = 0;
  ssize_t n;
  while ((n = getline(&line, &room, stdin)) > 0) {
    if (line[n - 1] == '\n') line[n - 1] = 0;
    if (!strncmp(line, "text ", 5)) read_text(line + 5);
    else if (!strcmp(line, "rules")) compile();
    else if (!strncmp(line, "facts", 5)) must(tables != 0, "no rules yet"), ask(line + 5);
    else if (!strncmp(line, "way\t", 4)) must(tables != 0, "no rules yet"), way(line + 4);
    else if (!strcmp(line, "end")) forget(), puts("end"), fflush(stdout);
    else must(0, line);
    if (!strcmp(line, "rules")) fflush(stdout);
  }
  forget();
  free(line);
  return 0;
}
