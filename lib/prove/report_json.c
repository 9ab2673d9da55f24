/* A proof for programs. */
#include <string.h>
#include "json/json.h"
#include "prove/report.h"

static int put_line(void *arg, char const *line)
{
  json_str(arg, line);
  return 1;
}

static void put_ip(struct json *j, char const *key, struct ip const *ip)
{
  char text[IP_TEXT];
  if (!ip->len) return;
  ip_fmt(text, ip);
  json_key(j, key), json_str(j, text);
}

static void put_amount(struct json *j, char const *key, struct amount const *a)
{
  char v6[WIDE_TEXT];
  wide_fmt(v6, a->v6);
  json_key(j, key), json_object(j);
  json_key(j, "ipv4"), json_number(j, (int64_t)a->v4);
  json_key(j, "ipv6"), json_str(j, v6); /* a string: too large for most readers' numbers */
  json_end(j);
}

static int put_record(struct json *j, struct proof const *p, char const *key, struct record const *r)
{
  stralloc says = STRALLOC_ZERO;
  if (!r->line) return 1;
  int ok = report_says(&says, p, r) && stralloc_0(&says);
  if (ok) {
    json_key(j, key), json_object(j);
    json_key(j, "file"), json_str(j, r->file);
    json_key(j, "line"), json_number(j, r->line);
    json_key(j, "says"), json_str(j, says.s);
    json_end(j);
  }
  stralloc_free(&says);
  return ok;
}

static char const *example(struct proof const *p, size_t i)
{
  return classes_text(&p->classes, classes_address(&p->classes, i)->example);
}

static int put_opening(struct json *j, struct proof const *p, struct opening const *o)
{
  stralloc why = STRALLOC_ZERO;
  struct way const *w = &o->way;
  json_object(j);
  json_key(j, "kind"), json_str(j, report_kind(o->kind));
  json_key(j, "declared"), json_bool(j, o->declared);
  int ok = report_why(&why, o) && stralloc_0(&why);
  if (ok) json_key(j, "why"), json_str(j, why.s);
  stralloc_free(&why);
  ok = ok && put_record(j, p, "record", &o->record) && put_record(j, p, "grant", &o->grant);
  put_ip(j, "client", &w->client);
  if (*w->host) json_key(j, "host"), json_str(j, w->host);
  put_ip(j, "speaks-for", &w->named);
  put_ip(j, "mx", &w->mx);
  json_key(j, "listener"), json_str(j, w->submission ? LISTENER_SUBMISSION : "");
  json_key(j, "tls"), json_bool(j, w->tls);
  json_key(j, "asked"), json_bool(j, w->asked);
  json_key(j, "sender"), json_str(j, example(p, w->sender));
  json_key(j, "recipient"), json_str(j, example(p, w->recipient));
  json_key(j, "transcript"), json_array(j);
  ok = ok && report_transcript(p, w, put_line, j);
  json_end(j);
  json_end(j);
  return ok;
}

static void put_numbers(struct json *j, struct proof const *p)
{
  struct { char const *key; size_t n; } const numbers[] = {
    { "clients", p->clients }, { "ranges", p->intervals }, { "senders", p->senders },
    { "sender-groups", p->sender_groups }, { "recipients", p->recipients }, { "recipient-groups", p->recipient_groups },
    { "sessions", 4 }, { "decisions", p->decisions }, { "milliseconds", (size_t)p->milliseconds },
  };
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    json_key(j, numbers[i].key), json_number(j, (int64_t)numbers[i].n);
  put_amount(j, "trusted", &p->trusted);
  put_amount(j, "proxies", &p->proxies);
  put_amount(j, "devices", &p->devices);
}

int report_json(stralloc *out, struct proof const *p, char const *rules, char const *sha256)
{
  struct json j = JSON_START(out);
  int ok = 1;
  json_object(&j);
  json_key(&j, "verdict"), json_str(&j, p->undeclared ? "open" : proof_openings(p) ? "declared" : "closed");
  json_key(&j, "rules"), json_str(&j, rules);
  json_key(&j, "sha256"), json_str(&j, sha256);
  put_numbers(&j, p);
  json_key(&j, "openings"), json_array(&j);
  for (size_t i = 0; ok && i < proof_openings(p); i++) ok = put_opening(&j, p, proof_opening(p, i));
  json_end(&j);
  json_key(&j, "assumptions"), json_array(&j);
  ok = ok && report_assumptions(p, put_line, &j);
  json_end(&j);
  json_end(&j);
  return ok && !j.failed;
}
