/* relay-conf's command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/options.h"

char const conf_usage[] =
  "usage: relay-conf control DIR [ME]\n"
  "       relay-conf queue DIR [--queue-user NAME | --one-user]\n"
  "       relay-conf cache FILE [--user NAME | --one-user]\n"
  "       relay-conf policies DIR [--remote-user NAME | --one-user]\n"
  "       relay-conf stamps DIR --stamp-group NAME | --one-user\n"
  "       relay-conf receive DIR --user NAME --log-user NAME | --one-user [CHAIN-OPTIONS]\n"
  "       relay-conf xinetd FILE --user NAME | --one-user [--log FILE] [CHAIN-OPTIONS]\n"
  "       relay-conf send DIR --queue-user NAME --remote-user NAME --log-user NAME | --one-user\n"
  "                  [--control DIR] [--queue DIR] [--policies DIR] [--bin DIR] [--resolver ADDRESS\n"
  "                  [--trust-ad]]\n"
  "       relay-conf tls DIR --tls-user NAME --user NAME --log-user NAME | --one-user\n"
  "                  [--socket SOCKET] [--certificates DIR] [--bin DIR]\n"
  "       relay-conf sync DIR --sync-user NAME --log-user NAME | --systemd --sync-user NAME | --one-user [--systemd]\n"
  "                  [--server HOST[:PORT]|/SOCKET] [--server-tls DIR] [--stamps DIR] [--key FILE] [--password FILE]\n"
  "                  [--prefix PREFIX] [--node NAME] [--seconds NUMBER] [--bin DIR]\n"
  "       relay-conf systemd DIR --user NAME --queue-user NAME --remote-user NAME [--tls-user NAME] | --one-user\n"
  "                  [--certificates DIR] [--policies DIR] [--stamp-group NAME] [CHAIN-OPTIONS]\n"
  "CHAIN-OPTIONS: --control DIR --queue DIR --cache FILE --bin DIR --resolver ADDRESS --trust-ad\n"
  "               --address ADDRESS --port NUMBER --clients NUMBER --memory BYTES --listener NAME --bare-lf\n"
  "               --tls SOCKET --tls-now --logins --failures FILE --stamps DIR\n";

static struct { char const *word; unsigned bit; } const things[] = {
  { "control", CONF_CONTROL }, { "queue", CONF_QUEUE },     { "receive", CONF_RECEIVE },
  { "send", CONF_SEND },       { "xinetd", CONF_XINETD },   { "systemd", CONF_SYSTEMD },
  { "cache", CONF_CACHE },     { "tls", CONF_TLS },
  { "stamps", CONF_STAMPS },   { "sync", CONF_SYNC },       { "policies", CONF_POLICIES },
};

static struct option {
  char const *name;
  enum conf_kind kind;
  unsigned what;
  char const *value;
  unsigned long least, most;
} const options[] = {
#define X(c, name, arg, kind, what, value, least, most) { name, kind, what, value, least, most },
  CONF_OPTIONS(X)
#undef X
};

static char const *complain(char problem[CONF_PROBLEM], char const *format, char const *word)
{
  snprintf(problem, CONF_PROBLEM, format, word);
  return problem;
}

/* Sets sa to an absolute path, without a slash at its end. Returns its text, or null without memory. */
static char const *absolute(stralloc *sa, char const *path, char const *cwd)
{
  sa->len = 0;
  if (*path != '/' && !(stralloc_cats(sa, cwd) && stralloc_append(sa, '/'))) return 0;
  if (!stralloc_cats(sa, path)) return 0;
  while (sa->len > 1 && sa->s[sa->len - 1] == '/') sa->len--;
  return stralloc_0(sa) ? sa->s : 0;
}

static int is_number(char const *s, unsigned long least, unsigned long most)
{
  size_t len = strlen(s);
  if (!len || len > 10 || s[strspn(s, "0123456789")]) return 0;
  unsigned long long n = strtoull(s, 0, 10);
  return n >= least && n <= most;
}

/* Checks one value and takes it. */
static char const *take(struct conf_options *o, enum conf_option i, char const *value, char const *cwd, char *problem)
{
  struct option const *p = &options[i];
  if (strchr(value, '\n')) return complain(problem, "no line ends in the argument of %s, please", p->name);
  switch (p->kind) {
  case KIND_PATH:
    if (!*value) return complain(problem, "%s wants a path", p->name);
    value = absolute(&o->path[i], value, cwd);
    if (!value) return "out of memory";
    break;
  case KIND_WORD:
    for (char const *s = value; *s; s++) {
      if ((unsigned char)*s <= ' ' || *s == 127) value = "";
    }
    if (!*value || *value == '-') return complain(problem, "%s wants a word", p->name);
    break;
  case KIND_ADDRESS:
    if (!*value || *value == '-'
      || value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-")])
      return complain(problem, "%s wants an address", p->name);
    break;
  case KIND_NUMBER:
    if (!is_number(value, p->least, p->most)) return complain(problem, "%s wants a number, and not that one", p->name);
    break;
  case KIND_FLAG: break;
  }
  o->value[i] = value;
  return 0;
}

/* Reads the option at *argv; moves on over its argument. */
static char const *read_option(struct conf_options *o, char const *const **argv, char const *cwd, char *problem)
{
  char const *word = **argv;
  size_t len = strcspn(word, "=");
  for (int i = 0; i < OPT_COUNT; i++) {
    if (strlen(options[i].name) != len || memcmp(options[i].name, word, len)) continue;
    if (!(options[i].what & o->what)) return complain(problem, "%s is for other things", options[i].name);
    if (options[i].kind == KIND_FLAG) {
      return word[len] ? complain(problem, "%s takes no argument", options[i].name) : take(o, i, "", cwd, problem);
    }
    if (word[len]) return take(o, i, word + len + 1, cwd, problem);
    if (!*++*argv) return --*argv, complain(problem, "%s wants an argument", options[i].name);
    return take(o, i, **argv, cwd, problem);
  }
  return complain(problem, "no option %s here", word);
}

/* Options that mean something together only: the harm of leaving one out would show when the service runs. */
static char const *check_together(struct conf_options const *o)
{
  char const *const *v = o->value;
  if (v[OPT_TLS_NOW] && !v[OPT_TLS]) return "--tls-now is nothing without --tls: it would speak plain SMTP";
  if (v[OPT_LOGINS] && !v[OPT_TLS]) return "--logins is nothing without --tls: nobody is let in without TLS";
  if (v[OPT_TRUST_AD] && !v[OPT_RESOLVER]) return "--trust-ad is nothing without --resolver, of which it speaks";
  if (v[OPT_SYSTEMD] && v[OPT_LOG_USER]) return "--log-user is nothing with --systemd: the journal has the log";
  if (o->what == CONF_SYSTEMD && v[OPT_STAMP_GROUP] && !v[OPT_STAMPS])
    return "--stamp-group is nothing without --stamps: there is nothing to sweep";
  if (o->what == CONF_SYSTEMD && v[OPT_LISTENER]
    && v[OPT_LISTENER][strspn(v[OPT_LISTENER], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")])
    return "--listener is part of the units' names: letters, digits, - and _, please";
  return 0;
}

char const *conf_options(struct conf_options *o, char const *const *argv, char const *cwd, char problem[CONF_PROBLEM])
{
  *o = (struct conf_options){ .what = 0 };
  if (!*argv) return "what shall be made?";
  for (size_t i = 0; i < sizeof things / sizeof *things; i++) {
    if (!strcmp(things[i].word, *argv)) o->what = things[i].bit;
  }
  if (!o->what) return complain(problem, "don't know how to make %s", *argv);
  for (int i = 0; i < OPT_COUNT; i++) {
    if (options[i].what & o->what) o->value[i] = options[i].value;
  }
  if (o->what & CONF_CHAIN) o->value[OPT_STAMPS] = 0; /* given there it puts relay-pop-check into the chain */
  while (*++argv) {
    char const *wrong = 0;
    if (!strncmp(*argv, "--", 2)) wrong = read_option(o, &argv, cwd, problem);
    else if (!**argv || strchr(*argv, '\n')) wrong = "an empty name, or one with a line end";
    else if (!o->where) wrong = (o->where = absolute(&o->path[OPT_COUNT], *argv, cwd)) ? 0 : "out of memory";
    else if (!o->me && o->what == CONF_CONTROL) o->me = *argv;
    else wrong = complain(problem, "one word too many: %s", *argv);
    if (wrong) return wrong;
  }
  return o->where ? check_together(o) : "where?";
}

void conf_options_free(struct conf_options *o)
{
  for (int i = 0; i <= OPT_COUNT; i++) stralloc_free(&o->path[i]);
}
