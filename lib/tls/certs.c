/* The certificates of a directory. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/x509v3.h>
#include <skalibs/sha256.h>
#include "base/log.h"
#include "tls/certs.h"
#include "tls/pem.h"

#define CERT_FILE "cert.pem"
#define KEY_FILE "key.pem"
#define CLIENTS_FILE "clients.pem"
#define DEFAULT "default"

static int path_fmt(char path[PEM_PATH], char const *dir, char const *name, char const *file)
{
  int n = snprintf(path, PEM_PATH, "%s/%s%s%s", dir, name, *file ? "/" : "", file);
  return n > 0 && n < PEM_PATH ? 0 : (errno = ENAMETOOLONG, -1);
}

static int is_name(struct dirent const *e)
{
  return e->d_name[0] != '.' && strcmp(e->d_name, CLIENTS_FILE);
}

/* The directories' names, in alphabetical order: the caller frees them. Returns how many, or -1 with errno. */
static int names(struct dirent ***list, char const *dir)
{
  int n = scandir(dir, list, is_name, alphasort);
  if (n <= CERTS_MOST) return n;
  while (n) free((*list)[--n]);
  free(*list);
  return errno = E2BIG, -1;
}

static void add_state(SHA256Schedule *sum, char const *path)
{
  struct stat st;
  if (stat(path, &st) < 0) memset(&st, 0, sizeof st);
  uint64_t const what[] = {
    st.st_dev, st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec,
    (uint64_t)st.st_ctim.tv_sec, (uint64_t)st.st_ctim.tv_nsec
  };
  sha256_update(sum, (char const *)what, sizeof what);
  sha256_update(sum, path, strlen(path) + 1);
}

int certs_state(uint8_t state[32], char const *dir)
{
  static char const *const files[] = { CERT_FILE, KEY_FILE };
  SHA256Schedule sum = SHA256_INIT();
  char path[PEM_PATH];
  struct dirent **list;
  int n = names(&list, dir), r = 0;
  if (n < 0) return -1;
  for (int i = 0; i < n; i++) {
    for (int f = 0; f < 2; f++) {
      if (path_fmt(path, dir, list[i]->d_name, files[f]) < 0) r = -1;
      else add_state(&sum, path);
    }
    free(list[i]);
  }
  free(list);
  if (path_fmt(path, dir, CLIENTS_FILE, "") < 0) return -1;
  add_state(&sum, path);
  sha256_final(&sum, (char *)state);
  return r;
}

static void cert_free(struct cert *c)
{
  free(c->name);
  X509_free(c->leaf);
  sk_X509_pop_free(c->chain, X509_free);
  EVP_PKEY_free(c->key);
}

void certs_free(struct certs *c)
{
  for (size_t i = 0; i < c->n; i++) cert_free(&c->list[i]);
  free(c->list);
  sk_X509_pop_free(c->clients, X509_free);
  *c = (struct certs){ .list = 0 };
}

static void log_broken(char const *what, char const *why, char const *instead)
{
  struct log_line l;
  log_start(&l, "certificate-broken");
  log_str(&l, "what", what);
  log_str(&l, "why", why);
  log_str(&l, "instead", instead);
  log_end(&l);
}

static void log_loaded(struct cert const *c)
{
  struct log_line l;
  struct tm tm;
  char date[32] = "";
  log_start(&l, "certificate");
  log_str(&l, "name", c->name);
  GENERAL_NAMES *san = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, 0, 0);
  for (int i = 0; i < sk_GENERAL_NAME_num(san) && i < 10; i++) {
    GENERAL_NAME const *g = sk_GENERAL_NAME_value(san, i);
    if (g->type != GEN_DNS) continue;
    log_bytes(&l, "host", (char const *)ASN1_STRING_get0_data(g->d.ia5), (size_t)ASN1_STRING_length(g->d.ia5));
  }
  GENERAL_NAMES_free(san);
  if (ASN1_TIME_to_tm(X509_get0_notAfter(c->leaf), &tm)) strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm);
  log_str(&l, "expires", date);
  log_str(&l, "key", EVP_PKEY_get0_type_name(c->key));
  log_end(&l);
}

/* Reads one directory. Returns 0, or what is wrong with it. */
static char const *load_one(struct cert *c, char const *dir, char const *name, SSL_CTX *trial)
{
  char path[PEM_PATH];
  char const *why = 0;
  if (path_fmt(path, dir, name, CERT_FILE) < 0) return strerror(errno);
  if ((why = pem_certificates(&c->chain, path))) return why;
  c->leaf = sk_X509_shift(c->chain);
  if (path_fmt(path, dir, name, KEY_FILE) < 0) return strerror(errno);
  if ((why = pem_key(&c->key, path))) return why;
  if (!X509_check_private_key(c->leaf, c->key)) why = "the key is not the certificate's";
  else if (!SSL_CTX_use_cert_and_key(trial, c->leaf, c->key, c->chain, 1)) why = pem_why("OpenSSL does not take it");
  return pem_forget(), why ? why : (c->name = strdup(name)) ? 0 : "out of memory";
}

/* The certificate that this directory had before. Returns whether there was one. */
static int keep_old(struct cert *c, struct certs const *old, char const *name)
{
  for (size_t i = 0; old && i < old->n; i++) {
    struct cert const *o = &old->list[i];
    if (strcmp(o->name, name)) continue;
    c->name = strdup(name);
    c->chain = X509_chain_up_ref(o->chain);
    if (!c->name || !c->chain) return 0;
    X509_up_ref(c->leaf = o->leaf);
    EVP_PKEY_up_ref(c->key = o->key);
    return 1;
  }
  return 0;
}

static void load_directory(struct certs *c, char const *dir, char const *name, struct certs const *old, SSL_CTX *trial)
{
  static struct cert const none;
  struct cert *to = &c->list[c->n];
  char const *why = load_one(to, dir, name, trial);
  if (why) {
    cert_free(to);
    *to = none;
    int kept = keep_old(to, old, name);
    log_broken(name, why, kept ? "the one before" : "none");
    if (!kept) {
      cert_free(to);
      *to = none;
      return;
    }
  } else log_loaded(to);
  c->n++;
}

static char const *load_clients(struct certs *c, char const *dir)
{
  char path[PEM_PATH];
  struct stat st;
  if (path_fmt(path, dir, CLIENTS_FILE, "") < 0) return strerror(errno);
  if (stat(path, &st) < 0 && errno == ENOENT) return 0;
  return pem_certificates(&c->clients, path);
}

int certs_load(struct certs *c, char const *dir, struct certs const *old)
{
  struct dirent **list;
  *c = (struct certs){ .list = 0 };
  if (certs_state(c->state, dir) < 0) return log_broken(dir, strerror(errno), old ? "those before" : "none"), -1;
  int n = names(&list, dir);
  if (n < 0) return log_broken(dir, strerror(errno), old ? "those before" : "none"), -1;
  SSL_CTX *trial = SSL_CTX_new(TLS_server_method());
  c->list = calloc((size_t)n + 1, sizeof *c->list);
  for (int i = 0; i < n; i++) {
    if (trial && c->list) load_directory(c, dir, list[i]->d_name, old, trial);
    free(list[i]);
  }
  free(list);
  SSL_CTX_free(trial);
  char const *why = load_clients(c, dir);
  if (why) log_broken(CLIENTS_FILE, why, old ? "all as before" : "none");
  else if (!c->n) log_broken(dir, "no certificate", old ? "those before" : "none");
  if (!why && c->n) return 0;
  certs_free(c);
  return -1;
}

static int is_default(char const *name)
{
  size_t len = sizeof DEFAULT - 1;
  return !strncmp(name, DEFAULT, len) && (!name[len] || name[len] == '-');
}

/* Gives ssl all that suit. OpenSSL keeps one for each kind of key and takes the one that the client can check; of two
 * of a kind the first counts, so they are given last to first. */
static int give(struct certs const *c, SSL *ssl, int (*suits)(struct cert const *, char const *), char const *host)
{
  int given = 0;
  for (size_t i = c->n; i; i--) {
    struct cert const *one = &c->list[i - 1];
    if (suits(one, host)) given |= SSL_use_cert_and_key(ssl, one->leaf, one->key, one->chain, 1);
  }
  return given;
}

static int has_host(struct cert const *c, char const *host)
{
  return X509_check_host(c->leaf, host, 0, 0, 0) == 1;
}

static int for_all(struct cert const *c, char const *host)
{
  return (void)host, is_default(c->name);
}

int certs_choose(struct certs const *c, SSL *ssl, char const *host)
{
  SSL_certs_clear(ssl);
  if (host && give(c, ssl, has_host, host)) return 1;
  if (give(c, ssl, for_all, 0)) return 1;
  return c->n && SSL_use_cert_and_key(ssl, c->list[0].leaf, c->list[0].key, c->list[0].chain, 1);
}
