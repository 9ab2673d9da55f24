/* The difference for programs. */
#include <errno.h>
#include <string.h>
#include "diff/pops.h"
#include "diff/values.h"
#include "diff/words.h"
#include "json/json.h"
#include "parse/number.h"

static void put_line_number(struct json *j, char const *key, uint32_t line)
{
  json_key(j, key);
  if (line) json_number(j, line);
  else json_null(j);
}

static void put_prefixes(struct json *j, genalloc const *prefixes)
{
  json_key(j, "prefixes"), json_array(j);
  for (size_t i = 0; i < genalloc_len(struct diff_prefix, prefixes); i++) {
    struct diff_prefix const *p = genalloc_s(struct diff_prefix, prefixes) + i;
    char text[IP_TEXT + NUMBER_TEXT];
    size_t n = ip_fmt(text, &p->ip);
    text[n++] = '/';
    n += number_fmt(text + n, p->bits);
    json_object(j);
    json_key(j, "prefix"), json_string(j, text, n);
    json_key(j, "in"), json_bool(j, p->in);
    put_line_number(j, "old", p->line[0]);
    put_line_number(j, "new", p->line[1]);
    json_end(j);
  }
  json_end(j);
}

static void put_rule(struct json *j, struct diff const *d, size_t name)
{
  if (name == CLASSES_NONE) {
    json_null(j);
    return;
  }
  struct client_name const *k = genalloc_s(struct client_name, &d->classes.names) + name;
  json_object(j);
  json_key(j, "rule"), json_str(j, classes_text(&d->classes, k->key));
  put_line_number(j, "old", k->line[0]);
  put_line_number(j, "new", k->line[1]);
  json_end(j);
}

static void put_clients(struct json *j, struct diff const *d, struct diff_clients const *c)
{
  json_key(j, "clients"), json_object(j);
  json_key(j, "all"), json_bool(j, c->all);
  json_key(j, "trusted"), json_bool(j, c->trusted);
  json_key(j, "strangers"), json_bool(j, c->strangers);
  json_key(j, "parts"), json_array(j);
  for (size_t i = 0; i < genalloc_len(struct diff_part, &c->parts); i++) {
    struct diff_part const *p = genalloc_s(struct diff_part, &c->parts) + i;
    json_object(j);
    put_prefixes(j, &p->prefixes);
    json_key(j, "unknown"), json_bool(j, p->unknown);
    json_key(j, "names");
    if (p->named) {
      json_array(j);
      for (size_t k = 0; k < genalloc_len(size_t, &p->names); k++) put_rule(j, d, genalloc_s(size_t, &p->names)[k]);
      json_end(j);
    } else {
      json_null(j);
    }
    json_key(j, "user"), put_rule(j, d, p->user);
    json_key(j, "user-host"), put_rule(j, d, p->user_host);
    json_end(j);
  }
  json_end(j);
  json_end(j);
}

static void put_traits(struct json *j, char const *key, genalloc const *traits, int recipient)
{
  json_key(j, key), json_array(j);
  for (size_t i = 0; i < genalloc_len(unsigned, traits); i++)
    json_str(j, traits_words(genalloc_s(unsigned, traits)[i], recipient));
  json_end(j);
}

/* A class, and the lines of both tables that name it. */
static void put_class(struct json *j, struct diff const *d, size_t class, int recipient)
{
  static char const *const keys[2] = { "old", "new" };
  stralloc s = STRALLOC_ZERO;
  int ok = class_words(&s, d, class) == 0;
  json_key(j, "name"), json_string(j, s.s, s.len);
  for (unsigned t = 0; t < 2; t++) {
    s.len = 0;
    ok = ok && class_lines(&s, d, class, recipient, t) == 0;
    json_key(j, keys[t]), json_string(j, s.s, s.len);
  }
  if (!ok) j->failed = 1;
  stralloc_free(&s);
}

static void put_addresses(struct json *j, struct diff const *d, struct diff_addresses const *a, int recipient)
{
  json_key(j, recipient ? "recipients" : "senders"), json_object(j);
  json_key(j, "all"), json_bool(j, a->all);
  put_traits(j, "and", &a->and, recipient);
  put_traits(j, "but", &a->but, recipient);
  json_key(j, "classes"), json_array(j);
  for (size_t i = 0; i < genalloc_len(struct diff_flip, &a->flips); i++) {
    struct diff_flip const *f = genalloc_s(struct diff_flip, &a->flips) + i;
    json_object(j);
    put_class(j, d, f->class, recipient);
    json_key(j, "in"), json_bool(j, f->in);
    json_end(j);
  }
  json_end(j);
  json_end(j);
}

static void put_when(struct json *j, genalloc const *terms)
{
  json_key(j, "when"), json_array(j);
  for (size_t i = 0; i < genalloc_len(struct diff_term, terms); i++) {
    struct diff_term const *t = genalloc_s(struct diff_term, terms) + i;
    json_object(j);
    for (unsigned p = 0; p < DIFF_PROPERTIES; p++) {
      json_key(j, property_word((enum diff_property)p)), json_array(j);
      for (unsigned v = 0; v < diff_values[p]; v++)
        if (t->fits[p] >> v & 1) json_str(j, value_word((enum diff_property)p, v));
      json_end(j);
    }
    json_end(j);
  }
  json_end(j);
}

static void put_example(struct json *j, struct diff const *d, struct diff_line const *l)
{
  static char const *const keys[2] = { "old", "new" };
  struct diff_example x;
  stralloc s = STRALLOC_ZERO;
  char ip[IP_TEXT];
  diff_example(&x, d, l);
  json_key(j, "example"), json_object(j);
  json_key(j, "client");
  if (x.client.len) json_string(j, ip, ip_fmt(ip, &x.client));
  else json_null(j);
  json_key(j, "sender"), json_string(j, x.sender.text, x.sender.len);
  json_key(j, "recipient"), json_string(j, x.recipient.text, x.recipient.len);
  json_key(j, "pop"), json_str(j, x.facts->stamp);
  json_key(j, "listener"), json_str(j, *x.facts->listener ? x.facts->listener : 0);
  for (unsigned t = 0; t < 2; t++) {
    s.len = 0;
    if (example_words(&s, &x, t) < 0) j->failed = 1;
    json_key(j, keys[t]), json_string(j, s.s, s.len);
  }
  json_end(j);
  stralloc_free(&s);
}

static int put_line(struct json *j, struct diff const *d, struct diff_line const *l)
{
  struct diff_clients clients;
  struct diff_addresses senders, recipients;
  genalloc when = GENALLOC_ZERO;
  int r = diff_describe_clients(&clients, d, l);
  if (diff_describe_senders(&senders, d, l) < 0) r = -1;
  if (diff_describe_recipients(&recipients, d, l) < 0) r = -1;
  if (r == 0 && (r = diff_describe_when(&when, d, &l->when)) == 0) {
    json_object(j);
    json_key(j, "kind"), json_str(j, diff_word(l->kind));
    if (l->kind != DIFF_REDIRECTS && l->kind < DIFF_LASTS) put_clients(j, d, &clients);
    if (l->kind < DIFF_REDIRECTS) put_addresses(j, d, &senders, 0);
    if (l->kind <= DIFF_REDIRECTS) put_addresses(j, d, &recipients, 1);
    if (l->kind < DIFF_REDIRECTS) put_when(j, &when);
    if (l->kind <= DIFF_REDIRECTS) put_example(j, d, l);
    json_end(j);
  }
  diff_clients_free(&clients);
  diff_addresses_free(&senders);
  diff_addresses_free(&recipients);
  genalloc_free(struct diff_term, &when);
  return r;
}

int diff_json(stralloc *out, struct diff const *d)
{
  struct json j = JSON_START(out);
  int r = 0;
  json_object(&j);
  json_key(&j, "lines"), json_array(&j);
  for (size_t i = 0; i < genalloc_len(struct diff_line, &d->lines) && r == 0; i++)
    r = put_line(&j, d, genalloc_s(struct diff_line, &d->lines) + i);
  if (r < 0) return -1;
  json_end(&j);
  pops_json(&j, d);
  if (values_json(&j, d) < 0) return -1;
  json_end(&j);
  return j.failed ? (errno = ENOMEM, -1) : 0;
}
