/* A way in as an SMTP dialogue. */
#include <stdio.h>
#include <string.h>
#include "prove/report.h"

#define LINE (2 * LIMIT_ADDRESS)

/* A line made by printf. */
#define SAY(...) (snprintf(text, sizeof text, __VA_ARGS__), line(arg, text))

static char const *example(struct proof const *p, size_t i)
{
  return classes_text(&p->classes, classes_address(&p->classes, i)->example);
}

int report_way(struct proof const *p, struct way const *way, report_line_fn *line, void *arg)
{
  char text[LINE], ip[IP_TEXT];
  char const *recipient = example(p, way->recipient), *at = strrchr(recipient, '@');
  ip_fmt(ip, &way->client);
  int ok = SAY("client: %s%s%s", ip, *way->host ? " " : "", way->host);
  if (ok && way->submission) ok = SAY("listener: %s", LISTENER_SUBMISSION);
  ip_fmt(ip, &way->mx);
  if (ok && way->mx.len) ok = SAY("dns: the MX of %s leads to %s alone", at ? at + 1 : "", ip);
  if (ok && way->asked) ok = SAY("next hop: takes %s", recipient);
  return ok && report_transcript(p, way, line, arg);
}

static int is_utf8(char const *s)
{
  for (; *s; s++)
    if ((unsigned char)*s >= 0x80) return 1;
  return 0;
}

/* A proxy's header names the client, and some address of ours. */
static int say_proxy(struct ip const *named, report_line_fn *line, void *arg)
{
  char text[LINE], ip[IP_TEXT];
  ip_fmt(ip, named);
  if (named->len == 4) return SAY("C: PROXY TCP4 %s 192.0.2.25 40000 25", ip);
  return SAY("C: PROXY TCP6 %s 2001:db8::25 40000 25", ip);
}

int report_transcript(struct proof const *p, struct way const *way, report_line_fn *line, void *arg)
{
  char text[LINE];
  char const *sender = example(p, way->sender), *recipient = example(p, way->recipient);
  int utf8 = is_utf8(sender) || is_utf8(recipient);
  if (way->named.len && !say_proxy(&way->named, line, arg)) return 0;
  if (!SAY("S: 220")) return 0;
  if (way->tls && !(SAY("C: EHLO a") && SAY("S: 250") && SAY("C: STARTTLS") && SAY("S: 220"))) return 0;
  return SAY("C: %s a", utf8 || way->tls ? "EHLO" : "HELO") && SAY("S: 250") &&
    SAY("C: MAIL FROM:<%s>%s", sender, utf8 ? " SMTPUTF8" : "") && SAY("S: 250") &&
    SAY("C: RCPT TO:<%s>", recipient) && SAY("S: 250");
}
