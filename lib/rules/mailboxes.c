/* Warnings about `domains`, `recipients` and `aliases`: what they say to each other. */
#include <string.h>
#include "rules/aliases.h"

static struct hosted *hosted_of(struct compiler const *c, char const *mailbox)
{
  return rules_hosted(c, strchr(mailbox, '@') + 1);
}

/* Is there a mailbox for all of this domain? */
static int has_catch_all(struct compiler const *c, char const *domain)
{
  return rules_catch_all(c, TABLE_RECIPIENTS, domain, 1) || rules_catch_all(c, TABLE_ALIASES, domain, 1);
}

static void check_recipients_of(struct compiler *c, char const *domain, struct hosted const *h)
{
  if (!strcmp(h->check, "listed") && !h->recipient && !h->alias && !has_catch_all(c, domain))
    rules_warn_at(c, WARN_NO_RECIPIENTS, FILE_DOMAINS, h->line, "its recipients are to be listed, and neither "
                  "`recipients` nor `aliases` has one: all but postmaster are refused");
  if (!strcmp(h->check, "any") && h->recipient && !rules_relay_line(c, "grant sender user") &&
      !rules_catch_all(c, TABLE_ALIASES, domain, 1))
    rules_warn_at(c, WARN_ANY_LISTED, FILE_DOMAINS, h->line, "every recipient is taken, although `recipients` lists "
                  "some (line %u): say `listed` to refuse the others", (unsigned)h->recipient);
}

void rules_check_domains(struct compiler *c)
{
  char key[TABLE_KEY + 1];
  for (size_t i = 0; seen_next(&c->seen, &i, TABLE_DOMAINS, key); ) {
    struct hosted const *h = rules_hosted(c, key), *around = rules_hosted(c, rules_wider(key));
    uint32_t denied = rules_line_to(c, "deny to ", key, 0);
    check_recipients_of(c, key, h);
    if (around && around->check == h->check)
      rules_warn_at(c, WARN_UNUSED, FILE_DOMAINS, h->line, "line %u says the same of all domains there",
                    (unsigned)around->line);
    if (denied)
      rules_warn_at(c, WARN_DENY_HOSTED, FILE_DOMAINS, h->line, "hosted, but `deny to` (relay:%u) refuses all mail to "
                    "it", (unsigned)denied);
  }
}

/* A line with an extension that has this mailbox too: the longest first, as the decision asks. */
static uint32_t extension_line(struct compiler const *c, enum table which, char const *mailbox)
{
  char key[TABLE_KEY + 3];
  size_t n = strlen(mailbox), local = (size_t)(strchr(mailbox, '@') - mailbox);
  for (size_t i = local; i--; ) {
    if (mailbox[i] != '+' && mailbox[i] != '-') continue;
    memcpy(key, mailbox, i + 1);
    key[i + 1] = '*';
    memcpy(key + i + 2, mailbox + local, n - local);
    size_t len = i + 2 + n - local;
    uint32_t line = len == n && !memcmp(key, mailbox, n) ? 0 : seen_line(&c->seen, which, key, len);
    if (line) return line;
  }
  return 0;
}

/* The line that has this mailbox, which is one of its own or for a domain; itself: the very mailbox counts too. */
static uint32_t mailbox_line(struct compiler const *c, enum table which, char const *mailbox, int itself)
{
  char const *domain = strchr(mailbox, '@') + 1;
  uint32_t line = itself ? seen_line(&c->seen, which, mailbox, strlen(mailbox)) : 0;
  int one = *mailbox != '@';
  if (!line && one) line = extension_line(c, which, mailbox);
  return line ? line : rules_catch_all(c, which, domain, one || itself);
}

/* Does the line of this alias name itself: is it a mailbox too? */
static int keeps(struct compiler const *c, char const *mailbox)
{
  uint32_t number = alias_find(c, mailbox);
  struct alias const *a = alias_all(c) + number;
  for (uint32_t i = 0; number != ALIAS_NONE && i < a->n; i++)
    if (!strcmp(alias_text(c, alias_link(c, a, i)->key), mailbox))
      return 1;
  return 0;
}

/* A mailbox that is denied as such: denials of domains are complained of elsewhere. As a sender it may be a user or
 * not, by the same lines. */
static int check_denied(struct compiler *c, enum file file, uint32_t line, char const *mailbox)
{
  char const *domain = strchr(mailbox, '@') + 1;
  uint32_t denied = *mailbox == '@' || rules_relay_line(c, "grant sender user") ? 0 :
    rules_line_to(c, "deny to ", mailbox, 1);
  if (!denied || denied == rules_line_to(c, "deny to ", domain, 1)) return 0;
  rules_warn_at(c, WARN_UNUSED, file, line, "`deny to` (relay:%u) refuses mail to it", (unsigned)denied);
  return 1;
}

/* A mailbox for all of a domain whose recipients are to be checked. */
static void check_catch_all(struct compiler *c, enum file file, uint32_t line, char const *mailbox)
{
  struct hosted const *h = hosted_of(c, mailbox);
  if (*mailbox == '@' && strcmp(h->check, "any"))
    rules_warn_at(c, WARN_CATCH_ALL, file, line, "every address of the domain is taken, so that `%s` (domains:%u) "
                  "keeps nothing out", h->check, (unsigned)h->line);
}

static void check_recipient(struct compiler *c, uint32_t line, char const *mailbox)
{
  char const *domain = strchr(mailbox, '@') + 1;
  uint32_t alias = seen_line(&c->seen, TABLE_ALIASES, mailbox, strlen(mailbox));
  uint32_t wider = mailbox_line(c, TABLE_RECIPIENTS, mailbox, 0);
  int one = *mailbox != '@';
  /* a recipient of its own also counts before an alias for its domain, and as a user */
  int counts = one && (rules_relay_line(c, "grant sender user") || rules_catch_all(c, TABLE_ALIASES, domain, 1));
  if (check_denied(c, FILE_RECIPIENTS, line, mailbox)) return;
  if (alias && !keeps(c, mailbox))
    rules_warn_at(c, WARN_UNUSED, FILE_RECIPIENTS, line, "aliases:%u comes before it", (unsigned)alias);
  else if (wider && !counts)
    rules_warn_at(c, WARN_UNUSED, FILE_RECIPIENTS, line, "line %u has it too", (unsigned)wider);
  else check_catch_all(c, FILE_RECIPIENTS, line, mailbox);
}

static void check_alias(struct compiler *c, uint32_t line, char const *mailbox)
{
  /* other aliases lead through one that is denied */
  int target = seen_has(&c->aliases.targets, TABLE_ALIASES, mailbox, strlen(mailbox));
  if (target || !check_denied(c, FILE_ALIASES, line, mailbox)) check_catch_all(c, FILE_ALIASES, line, mailbox);
}

void rules_check_mailboxes(struct compiler *c)
{
  char key[TABLE_KEY + 1];
  uint32_t line;
  for (size_t i = 0; (line = seen_next(&c->seen, &i, TABLE_RECIPIENTS, key)); ) check_recipient(c, line, key);
  for (size_t i = 0; (line = seen_next(&c->seen, &i, TABLE_ALIASES, key)); ) check_alias(c, line, key);
}

/* A target of ours that is in no list: taken here, it may be refused by the next hop, and then bounces to a sender who
 * is forged more often than not. */
static int is_unknown(struct compiler const *c, char const *key)
{
  struct hosted const *h = hosted_of(c, key);
  if (!h || strcmp(h->check, "listed") || !strncmp(key, "postmaster@", 11)) return 0;
  return alias_find(c, key) == ALIAS_NONE && !mailbox_line(c, TABLE_RECIPIENTS, key, 1);
}

void rules_check_targets(struct compiler *c)
{
  struct quoted q;
  for (uint32_t i = 0; i < alias_count(c); i++) {
    struct alias const *a = alias_all(c) + i;
    for (uint32_t k = 0; k < a->n; k++) {
      struct target const *t = alias_link(c, a, k);
      if (!is_unknown(c, alias_text(c, t->key))) continue;
      char const *text = alias_text(c, t->text);
      rules_warn_at(c, WARN_UNKNOWN_TARGET, FILE_ALIASES, a->line, "%s is neither in `recipients` nor an alias: the "
                    "next hop may refuse it, and the mail bounces", quote(&q, text, strlen(text)));
      break;
    }
  }
}
