/* Trying the forms on a server. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include "probe/run.h"

static struct probe_verdict const not_offered = { .what = PROBE_SKIPPED, .why = "the server has no SMTPUTF8" };

static void pause_ms(unsigned ms)
{
  struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
  while (nanosleep(&t, &t) < 0 && errno == EINTR) ;
}

/* The literal of our end's address. */
static void own_literal(char me[DOMAIN_TEXT], int fd)
{
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;
  struct ip ip = { .len = 4 };
  struct probe_names names = { .n = 0 };
  uint16_t port;
  if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0) ip_from_sockaddr(&ip, &port, (struct sockaddr *)&sa);
  probe_literal_add(&names, &ip);
  strcpy(me, names.name[0]);
}

/* A connection that is past EHLO. Returns 0, or -1 with p->trouble. */
static int connect_to(struct probe *p, unsigned i)
{
  struct client *c = &p->client;
  p->on_connection = 0;
  p->trouble[0] = 0;
  if (client_connect(c, &p->ip[i], p->port, p->host) < 0) {
    snprintf(p->trouble, sizeof p->trouble, "can't connect to %s: %s", c->name, strerror(errno));
    return -1;
  }
  if (!p->me[0]) own_literal(p->me, c->fd);
  switch (client_hello(c, p->me, 0)) {
    case CLIENT_READY: return 0;
    case CLIENT_REFUSED: snprintf(p->trouble, sizeof p->trouble, "%s refuses us: %s", c->name, c->reply.text); break;
    default: snprintf(p->trouble, sizeof p->trouble, "%s %s", c->name, client_trouble_text(c)); break;
  }
  client_close(c);
  return -1;
}

/* What the server says first. A word without a dot is more likely a hello. */
static void learn_name(struct probe_names *names, char const *s)
{
  size_t n = strcspn(s, " ");
  if (memchr(s, '.', n)) probe_name_add(names, s, n, 1);
}

static void learn_names(struct probe *p)
{
  struct client *c = &p->client;
  struct probe_names *names = &p->plan.names;
  if (!p->own_names) {
    if (p->host[0]) probe_name_add(names, p->host, strlen(p->host), 1);
    learn_name(names, c->greeting);
    if (c->reply.text_len > 4) learn_name(names, c->reply.text + 4);
  }
  probe_literal_add(names, &p->ip[p->last_ip]);
}

/* Mail for the server's own domains is no relaying. */
static int target_is_outside(struct probe *p)
{
  for (unsigned i = 0; i < p->plan.names.n; i++) {
    if (strcmp(p->plan.names.name[i], p->plan.domain)) continue;
    snprintf(p->trouble, sizeof p->trouble, "the target is not outside: %s is the server's own", p->plan.domain);
    return 0;
  }
  return 1;
}

/* Each may be echoed. The unlikely name and most forms begin with relay-probe. */
static void list_ours(struct probe *p)
{
  char const *const all[] = { p->plan.unlikely, p->plan.user, p->plan.domain, p->plan.sender, p->me, "relay-probe", 0 };
  _Static_assert(sizeof all <= sizeof p->ours, "room for all");
  memcpy(p->ours, all, sizeof all);
}

int probe_open(struct probe *p)
{
  list_ours(p);
  client_init(&p->client);
  p->client.patience = p->patience;
  for (unsigned i = 0; i < p->ips; i++) {
    if (connect_to(p, i) < 0) continue;
    p->last_ip = i;
    learn_names(p);
    if (target_is_outside(p)) return probe_plan_make(&p->plan), 0;
    client_quit(&p->client);
    break;
  }
  return -1;
}

/* Says a line. Returns the reply's code, or -1. */
static int say(struct probe *p, struct probe_result *r, enum probe_stage stage, stralloc const *line)
{
  struct client *c = &p->client;
  r->stage = stage;
  r->code = 0;
  r->enhanced[0] = 0;
  client_put(c, line->s, line->len);
  int code = client_flush(c, CLIENT_TIME_COMMAND) < 0 ? client_last_words(c) :
    client_read(c, stage == PROBE_DOT ? CLIENT_TIME_DOT : CLIENT_TIME_COMMAND);
  if (code < 0) {
    snprintf(r->text, sizeof r->text, "%s", client_trouble_text(c));
    client_close(c);
    return -1;
  }
  char const *at;
  size_t n = client_reply_enhanced(&c->reply, &at);
  r->code = code;
  snprintf(r->enhanced, sizeof r->enhanced, "%.*s", (int)n, at);
  memcpy(r->text, c->reply.text, c->reply.text_len + 1);
  if (code == 421) client_close(c);
  return code;
}

static int say_path(struct probe *p, unsigned i, enum probe_stage stage, char const *verb, char const *pattern)
{
  stralloc line = STRALLOC_ZERO;
  int ok = stralloc_cats(&line, verb) && probe_expand(&line, &p->plan, &p->plan.test[i], pattern)
    && stralloc_cats(&line, "\r\n");
  int code = ok ? say(p, &p->result[i], stage, &line) : -1;
  stralloc_free(&line);
  return code;
}

static void say_message(struct probe *p, unsigned i)
{
  stralloc text = STRALLOC_ZERO;
  if (stralloc_cats(&text, "DATA\r\n") && say(p, &p->result[i], PROBE_DATA, &text) == 354) {
    text.len = 0;
    if (probe_message(&text, p, i, time(0)) && stralloc_cats(&text, ".\r\n")) say(p, &p->result[i], PROBE_DOT, &text);
    else client_close(&p->client);
  }
  stralloc_free(&text);
}

/* A connection for a test alone, on which we greet as its form says. Returns the reply's code, or -1. */
static int greet_as(struct probe *p, unsigned i)
{
  struct client *c = &p->client;
  struct probe_result *r = &p->result[i];
  stralloc line = STRALLOC_ZERO;
  if (c->fd >= 0) client_quit(c);
  p->greeted_as_other = 1;
  r->stage = PROBE_NEVER;
  r->code = 0;
  if (client_connect(c, &p->ip[p->last_ip], p->port, p->host) < 0) {
    snprintf(r->text, sizeof r->text, "can't connect to %s: %s", c->name, strerror(errno));
    return -1;
  }
  int code = client_read(c, CLIENT_TIME_GREETING);
  if (code != 220) {
    snprintf(r->text, sizeof r->text, "%s", code < 0 ? client_trouble_text(c) : c->reply.text);
    client_close(c);
    return -1;
  }
  int ok = probe_expand(&line, &p->plan, &p->plan.test[i], p->plan.test[i].form->hello) && stralloc_cats(&line, "\r\n");
  code = ok ? say(p, r, PROBE_HELLO, &line) : -1;
  stralloc_free(&line);
  return code;
}

/* Makes ready for a transaction. Returns 0, or -1. */
static int fresh(struct probe *p, struct probe_result *r)
{
  if (p->client.fd >= 0 && (p->greeted_as_other || p->on_connection >= PROBE_PER_CONNECTION)) client_quit(&p->client);
  p->greeted_as_other = 0;
  if (p->client.fd >= 0 && p->on_connection) {
    stralloc rset = { .s = (char *)"RSET\r\n", .len = 6 };
    if (say(p, r, PROBE_NEVER, &rset) / 100 != 2) client_close(&p->client);
  }
  if (p->client.fd < 0 && connect_to(p, p->last_ip) < 0) {
    snprintf(r->text, sizeof r->text, "%s", p->trouble);
    r->stage = PROBE_NEVER;
    return -1;
  }
  p->on_connection++;
  return 0;
}

static struct probe_answer answer_of(struct probe const *p, struct probe_result const *r)
{
  return (struct probe_answer){ .stage = r->stage, .code = r->code, .enhanced = r->enhanced, .text = r->text,
    .ours = p->ours };
}

enum attempt { DONE, SKIPPED, AGAIN /* another connection may bring more */ };

static enum attempt attempt(struct probe *p, unsigned i)
{
  struct probe_form const *f = p->plan.test[i].form;
  struct probe_result *r = &p->result[i];
  int code = 250;
  if (!f->hello && fresh(p, r) < 0) return AGAIN;
  if (f->hello && (code = greet_as(p, i)) < 0 && r->stage == PROBE_NEVER) return AGAIN;
  if (f->utf8 && !(p->client.offers & CLIENT_SMTPUTF8)) return SKIPPED;
  if (code / 100 == 2) code = say_path(p, i, PROBE_MAIL, "MAIL FROM:", f->mail);
  if (code / 100 == 2) code = say_path(p, i, PROBE_RCPT, "RCPT TO:", f->rcpt);
  if (code / 100 == 2 && r->stage == PROBE_RCPT && p->deliver && !f->control) {
    say_message(p, i);
    return DONE; /* whatever came of it: it isn't sent twice */
  }
  if (code < 0) return p->client.trouble == CLIENT_TIMEOUT ? DONE : AGAIN;
  struct probe_answer a = answer_of(p, r);
  if (!probe_hung_up(&a)) return DONE;
  client_close(&p->client);
  return AGAIN;
}

static void try(struct probe *p, unsigned i)
{
  struct probe_result *r = &p->result[i];
  enum attempt a = attempt(p, i);
  if (a == AGAIN) {
    if (r->stage == PROBE_NEVER) pause_ms(500); /* there was no connection at all */
    a = attempt(p, i);
  }
  if (a == SKIPPED) *r = (struct probe_result){ .verdict = not_offered };
  else if (r->code && r->code != 421) p->strikes = 0;
  else p->strikes++;
}

static void judge(struct probe *p, unsigned i)
{
  struct probe_test const *t = &p->plan.test[i];
  struct probe_result *r = &p->result[i];
  struct probe_answer a = answer_of(p, r);
  enum probe_control *control = &p->control[t->form->home == PROBE_BARE ? PROBE_NAMES : t->name];
  if (t->form->control) *control = probe_control_of(&a);
  r->verdict = probe_judge(t->form, &a, *control, p->known_target);
}

enum probe_judgement probe_run(struct probe *p, void (*each)(struct probe const *p, unsigned i))
{
  for (unsigned i = 0; i < p->plan.n; i++) {
    struct probe_result *r = &p->result[i];
    if (i && p->pace) pause_ms(1000 * p->pace);
    if (p->strikes < PROBE_STRIKES) try(p, i);
    else snprintf(r->text, sizeof r->text, "not tried: too many connections failed");
    if (r->verdict.why != not_offered.why) judge(p, i);
    if (!p->plan.test[i].form->control) p->counts[r->verdict.what]++;
    each(p, i);
  }
  client_quit(&p->client);
  return probe_sum(p->counts);
}
