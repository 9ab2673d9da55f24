/* Files of the control directory that nobody reads although somebody may think so: `client`, `Relay`, qmail's
 * `rcpthosts`. What was to be denied there is not. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "rules/rules.h"

#define LONGEST 32 /* bytes of a name that is looked at */

/* qmail's and tcprules' names, and where such things stand here. */
static struct { char const *name, *ours; } const foreign[] = {
  { "rcpthosts", "domains" }, { "morercpthosts", "domains" }, { "locals", "domains" }, { "virtualdomains", "domains" },
  { "smtproutes", "routes" }, { "tcp.smtp", "clients" }, { "badmailto", "relay" }, { "badrcptto", "relay" },
  { "relayclients", "clients" }, { "relaydomains", "relay" }, { "databytes", "limits" },
  { "concurrencyremote", "limits" }, { "queuelifetime", "limits" }, { "timeoutsmtpd", "limits" },
  { "sasl_passwd", "logins" }, { "helohost", "me" }, { "smtpgreeting", "me" }, { "validrcptto", "recipients" },
};

/* How many letters must be put in, left out or changed (Levenshtein), capitals being the same. */
static unsigned distance(char const *a, char const *b)
{
  unsigned row[LONGEST + 1];
  size_t n = strlen(b);
  for (size_t i = 0; i <= n; i++) row[i] = (unsigned)i;
  for (; *a; a++) {
    unsigned corner = row[0]++;
    for (size_t i = 1; i <= n; i++) {
      unsigned best = corner + (strncasecmp(a, b + i - 1, 1) != 0);
      if (row[i] + 1 < best) best = row[i] + 1;
      if (row[i - 1] + 1 < best) best = row[i - 1] + 1;
      corner = row[i];
      row[i] = best;
    }
  }
  return row[n];
}

/* Which of our files is meant, or null. */
static char const *meant(char const *name)
{
  static char const *const endings[] = { ".txt", ".conf", ".cf" };
  char s[LONGEST + 1];
  size_t n = strlen(name);
  if (n > LONGEST || name[n - 1] == '~') return 0;
  memcpy(s, name, n + 1);
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
    if (!strcasecmp(s, foreign[i].name)) return foreign[i].ours;
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    size_t len = strlen(endings[i]);
    if (n > len && !strcasecmp(s + n - len, endings[i])) s[n - len] = 0;
  }
  if (strchr(s, '.')) return 0;
  for (enum file f = 0; f < FILE_COUNT; f++) {
    size_t len = strlen(rules_file_name(f));
    if (distance(s, rules_file_name(f)) <= (len > 5 ? 2U : len > 3 ? 1U : 0U)) return rules_file_name(f);
  }
  return 0;
}

static int is_ours(char const *name)
{
  for (enum file f = 0; f < FILE_COUNT; f++)
    if (!strcmp(name, rules_file_name(f))) return 1;
  return 0;
}

void rules_misnamed(char const *dir, complain_fn *complain, void *arg)
{
  DIR *d = opendir(dir);
  struct dirent const *e;
  if (!d) return;
  while ((e = readdir(d))) {
    char text[400];
    struct stat st;
    char const *ours = *e->d_name == '.' || is_ours(e->d_name) ? 0 : meant(e->d_name);
    if (!ours || fstatat(dirfd(d), e->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode)) continue;
    struct quoted q;
    snprintf(text, sizeof text, "%s:1: warning: nothing reads the file %s: is %s meant? If not, let its name end in "
             "`~` or move it elsewhere", ours, quote(&q, e->d_name, strlen(e->d_name)), ours);
    complain(arg, 1, text);
  }
  closedir(d);
}
