/* relay-ask's answers. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "answer/answer.h"
#include "answer/hosts.h"
#include "answer/turn.h"
#include "base/io.h"
#include "base/log.h"
#include "parse/address.h"

/* One question under way, for the log. */
struct asked {
  struct ask_query const *q;
  char const *route;     /* null: it was not about one */
  int64_t since;
  unsigned cached : 1;
};

static int64_t wall_clock(void)
{
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void say(struct ask_answer *a, enum answer state, char const *text)
{
  size_t n = strlen(text);
  if (n >= sizeof a->text) n = sizeof a->text - 1;
  a->state = state;
  a->n = 0;
  memcpy(a->text, text, n);
  a->text[n] = 0;
}

/* Makes w->rm ready for a route. A connection to another one is given up. */
static void turn_to(struct answerer *w, struct route const *r, char const *word)
{
  if (!strcmp(w->route, word)) return;
  remote_leave(&w->rm);
  w->rm.route = *r;
  strcpy(w->route, word);
  w->rest = 0;
}

/* Asks the next hop. One that can't be reached, or was lost while it should answer, is left in peace for as long again
 * as it took to find out: the other recipients of the message need not wait each for himself. */
static void ask_next_hop(struct answerer *w, char const *address, int64_t deadline, struct ask_answer *a)
{
  char text[CLIENT_VERIFY_TEXT];
  int64_t before = io_now();
  if (before < w->rest) return say(a, ANSWER_UNKNOWN, w->why);
  enum client_verified v = remote_verify(&w->rm, address, deadline, text);
  say(a, v == CLIENT_TAKES ? ANSWER_YES : v == CLIENT_REFUSES ? ANSWER_NO : ANSWER_UNKNOWN, text);
  if (v != CLIENT_UNREACHED && (v != CLIENT_UNSURE || w->rm.client.fd >= 0)) return;
  strcpy(w->why, text);
  w->rest = 2 * io_now() - before;
}

static void recipient(struct answerer *w, struct asked *asked, struct ask_answer *a)
{
  struct address to;
  struct route r;
  struct turn turn;
  int waited;
  static char word[ROUTE_TEXT];
  char address[LIMIT_ADDRESS + DOMAIN_TEXT + 2];
  char const *s = asked->q->subject;
  if (address_mailbox(&to, s, strlen(s), 1) != ADDRESS_OK || !*to.domain) {
    return say(a, ANSWER_UNKNOWN, "that is no address (#5.1.3)");
  }
  if (route_find(w->rules, to.domain, &r) < 0) return say(a, ANSWER_UNKNOWN, "the rules can't be read (#4.3.5)");
  route_fmt(word, &r);
  asked->route = word;
  snprintf(address, sizeof address, "%.*s@%s", (int)to.local_len, to.text, to.domain);
  if (cache_get(&w->cache, word, address, wall_clock(), a)) {
    asked->cached = 1;
    return;
  }
  int64_t deadline = io_now() + (int64_t)w->seconds * 1000;
  if (!turn_take(&turn, &w->cache, word, address, deadline, &waited)) {
    return say(a, ANSWER_UNKNOWN, "somebody asks that already, perhaps the next hop itself (#4.4.6)");
  }
  if (waited && cache_get(&w->cache, word, address, wall_clock(), a)) {
    asked->cached = 1;
  } else {
    turn_to(w, &r, word);
    ask_next_hop(w, address, deadline, a);
    cache_put(&w->cache, word, address, wall_clock(), a);
  }
  turn_end(&turn);
}

/* A sender with many recipients in a domain must not make as many look-ups. */
static void hosts(struct answerer *w, struct asked *asked, struct ask_answer *a)
{
  char const *domain = asked->q->subject;
  char canonical[DOMAIN_TEXT];
  struct answered_hosts *oldest = w->hosts;
  if (!domain_canon(canonical, domain, strlen(domain))) return say(a, ANSWER_UNKNOWN, "that is no domain (#5.1.2)");
  for (struct answered_hosts *h = w->hosts; h < w->hosts + ANSWER_HOSTS; h++) {
    if (h->until < oldest->until) oldest = h;
    if (h->until <= io_now() || strcmp(h->domain, canonical)) continue;
    *a = h->answer;
    asked->cached = 1;
    return;
  }
  if (w->domains == ANSWER_DOMAINS) return say(a, ANSWER_UNKNOWN, "too many domains for one session (#4.5.3)");
  w->domains++;
  w->rm.dns.deadline = io_now() + (int64_t)w->seconds * 1000;
  hosts_find(&w->rm, canonical, a);
  strcpy(oldest->domain, canonical);
  oldest->answer = *a;
  oldest->until = io_now() + 1000 * (a->state == ANSWER_UNKNOWN ? ANSWER_HOSTS_UNKNOWN : ANSWER_HOSTS_TIME);
}

static void log_answer(struct asked const *asked, struct ask_answer const *a)
{
  static char const *const words[] = {
    [ANSWER_NOT_ASKED] = "", [ANSWER_YES] = "yes", [ANSWER_NO] = "no", [ANSWER_UNKNOWN] = "unknown",
  };
  struct log_line l;
  char ip[IP_TEXT];
  log_start(&l, "asked");
  log_num(&l, "parent", (uint64_t)getppid());
  log_str(&l, asked->q->kind == ASK_HOSTS ? "hosts" : "recipient", asked->q->subject);
  log_str(&l, "route", asked->route);
  log_str(&l, "answer", words[a->state]);
  log_num(&l, "cached", asked->cached);
  log_num(&l, "ms", (uint64_t)(io_now() - asked->since));
  for (unsigned i = 0; i < a->n; i++) {
    ip_fmt(ip, &a->ip[i]);
    log_str(&l, "ip", ip);
  }
  if (*a->text) log_str(&l, "text", a->text);
  log_end(&l);
}

void answer_question(struct answerer *w, struct ask_query const *q, struct ask_answer *a)
{
  struct asked asked = { .q = q, .since = io_now() };
  a->n = 0;
  *a->text = 0;
  if (w->broken) say(a, ANSWER_UNKNOWN, w->broken);
  else if (q->kind == ASK_HOSTS) hosts(w, &asked, a);
  else recipient(w, &asked, a);
  log_answer(&asked, a);
}
