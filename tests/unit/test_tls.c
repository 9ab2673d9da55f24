/* lib/tls: certificates in directories, which one is chosen, what is kept when files break, and the socket. */
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <skalibs/djbunix.h>
#include "tls/context.h"
#include "tls/keys.h"
#include "tls/pem.h"
#include "tls/serve.h"

static char scratch[64];

static char const *below(char const *name)
{
  static char path[4][200];
  static int i;
  i = (i + 1) % 4;
  snprintf(path[i], sizeof path[i], "%s/%s", scratch, name);
  return path[i];
}

static void write_file(char const *name, char const *text)
{
  FILE *f = fopen(below(name), "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

/* A self-signed certificate in scratch/NAME; `san` in OpenSSL's form, null: none. */
static void make(char const *name, char const *san)
{
  char path[100];
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x = X509_new();
  X509_NAME *dn = X509_get_subject_name(x);
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), 0);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, key);
  X509_NAME_add_entry_by_txt(dn, "CN", MBSTRING_ASC, (unsigned char const *)"cn.example", -1, -1, 0);
  X509_set_issuer_name(x, dn);
  if (san) {
    X509_EXTENSION *e = X509V3_EXT_conf_nid(0, 0, NID_subject_alt_name, san);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
  }
  assert_true(X509_sign(x, key, EVP_sha256()));
  mkdir(below(name), 0755);
  snprintf(path, sizeof path, "%s/cert.pem", name);
  FILE *f = fopen(below(path), "w");
  PEM_write_X509(f, x);
  fclose(f);
  snprintf(path, sizeof path, "%s/key.pem", name);
  f = fopen(below(path), "w");
  PEM_write_PrivateKey(f, key, 0, 0, 0, 0, 0);
  fclose(f);
  X509_free(x);
  EVP_PKEY_free(key);
}

static int enter(void **state)
{
  (void)state;
  strcpy(scratch, "/tmp/posthouse-tls-XXXXXX");
  return mkdtemp(scratch) ? 0 : -1;
}

static int leave(void **state)
{
  (void)state;
  return rm_rf(scratch);
}

static struct choice { char const *host, *name; } const choices[] = {
  { "one.example", "b-one" }, { "ONE.example", "b-one" }, { "x.wild.example", "c-two" },
  { "x.y.wild.example", "default" },
  { "wild.example", "default" }, { "cn.example", "a-cn" }, { "", "default" }, { 0, "default" },
  { "other.example", "default" }, { "both.example", "b-one" }, { "one.example.", "default" },
};

static void choosing(void **state)
{
  (void)state;
  struct certs c;
  struct choice const *w;
  make("a-cn", 0);
  make("b-one", "DNS:one.example,DNS:both.example");
  make("c-two", "DNS:*.wild.example,DNS:both.example");
  make("default", "DNS:default.example");
  make(".hidden", "DNS:hidden.example");
  assert_int_equal(certs_load(&c, scratch, 0), 0);
  assert_int_equal(c.n, 4);
  SSL_CTX *ctx = context_new(&c);
  SSL *ssl = SSL_new(ctx);
  EACH_CASE(w, choices) {
    assert_int_equal(certs_choose(&c, ssl, w->host), 1);
    X509 *x = SSL_get_certificate(ssl);
    for (size_t i = 0; i < c.n; i++) {
      if (c.list[i].leaf != x) continue;
      CHECK(!strcmp(c.list[i].name, w->name), "%s: %s", w->host ? w->host : "-", c.list[i].name);
    }
    CHECK(x, "%s", w->name);
  }
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  certs_free(&c);
}

static void no_default(void **state)
{
  (void)state;
  struct certs c;
  make("b", "DNS:b.example");
  make("a", "DNS:a.example");
  assert_int_equal(certs_load(&c, scratch, 0), 0);
  SSL_CTX *ctx = context_new(&c);
  SSL *ssl = SSL_new(ctx);
  assert_int_equal(certs_choose(&c, ssl, "x.example"), 1);
  assert_ptr_equal(SSL_get_certificate(ssl), c.list[0].leaf);
  assert_string_equal(c.list[0].name, "a");
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  certs_free(&c);
}

/* What breaks stays as it was; what is new is taken; what is gone is gone. */
static void changing(void **state)
{
  (void)state;
  struct keys k = { .dir = scratch };
  assert_int_equal(keys_look(&k, 1), 0);
  make("default", 0);
  assert_int_equal(keys_look(&k, 1), 1);
  SSL_CTX *first = k.ctx;
  X509 *leaf = k.certs.list[0].leaf;
  assert_int_equal(keys_look(&k, 1), 1);
  assert_ptr_equal(k.ctx, first); /* nothing has changed */
  write_file("default/cert.pem", "nonsense\n");
  make("other", "DNS:other.example");
  assert_int_equal(keys_look(&k, 1), 1);
  assert_int_equal(k.certs.n, 2);
  assert_ptr_equal(k.certs.list[0].leaf, leaf);
  make("default", 0);
  assert_int_equal(keys_look(&k, 1), 1);
  assert_ptr_not_equal(k.certs.list[0].leaf, leaf);
  assert_int_equal(rm_rf(below("other")), 0);
  assert_int_equal(keys_look(&k, 1), 1);
  assert_int_equal(k.certs.n, 1);
  first = k.ctx;
  write_file("clients.pem", "nonsense\n"); /* then nothing at all is changed */
  assert_int_equal(keys_look(&k, 1), 1);
  assert_ptr_equal(k.ctx, first);
  assert_int_equal(rm_rf(below("default")), 0);
  assert_int_equal(keys_look(&k, 1), 1); /* all gone: that is nobody's wish */
  assert_ptr_equal(k.ctx, first);
  keys_free(&k);
}

static void not_looked_at_all_the_time(void **state)
{
  (void)state;
  struct keys k = { .dir = scratch };
  assert_int_equal(keys_look(&k, 0), 0);
  make("default", 0);
  assert_int_equal(keys_look(&k, 0), 0); /* within the second */
  assert_int_equal(keys_look(&k, 1), 1);
  SSL_CTX *ctx = k.ctx;
  k.tickets -= CONTEXT_TICKETS * 1000L + 1;
  k.looked -= 2000;
  int64_t was = k.tickets;
  assert_int_equal(keys_look(&k, 0), 1);
  assert_true(k.tickets > was && k.ctx == ctx); /* a new key of tickets, in the same context */
  keys_free(&k);
}

static void tickets(void **state)
{
  (void)state;
  struct certs c;
  unsigned char keys[2][80];
  make("default", 0);
  assert_int_equal(certs_load(&c, scratch, 0), 0);
  SSL_CTX *ctx = context_new(&c);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(SSL_CTX_get_tlsext_ticket_keys(ctx, keys[i], sizeof keys[i]), 1);
    assert_int_equal(context_new_tickets(ctx), 1);
  }
  assert_memory_not_equal(keys[0], keys[1], sizeof keys[0]);
  SSL_CTX_free(ctx);
  certs_free(&c);
}

static void files(void **state)
{
  (void)state;
  STACK_OF(X509) *list;
  EVP_PKEY *key;
  make("a", 0);
  assert_null(pem_certificates(&list, below("a/cert.pem")));
  assert_int_equal(sk_X509_num(list), 1);
  sk_X509_pop_free(list, X509_free);
  assert_null(pem_key(&key, below("a/key.pem")));
  EVP_PKEY_free(key);
  /* a key is no certificate, and the other way round; a good one and a damaged one are damaged */
  assert_non_null(pem_certificates(&list, below("a/key.pem")));
  assert_null(list);
  assert_non_null(pem_key(&key, below("a/cert.pem")));
  assert_null(key);
  FILE *f = fopen(below("a/cert.pem"), "a");
  fputs("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", f);
  fclose(f);
  assert_non_null(pem_certificates(&list, below("a/cert.pem")));
  write_file("empty", "");
  assert_string_equal(pem_certificates(&list, below("empty")), "no certificate in it");
  assert_string_equal(pem_certificates(&list, scratch), "not a file");
  assert_int_equal(mkfifo(below("fifo"), 0600), 0);
  assert_string_equal(pem_key(&key, below("fifo")), "not a file");
  assert_int_equal(truncate(below("empty"), PEM_MOST + 1L), 0);
  assert_string_equal(pem_key(&key, below("empty")), "too large");
  assert_string_equal(pem_key(&key, below("none")), strerror(ENOENT));
}

static void the_socket(void **state)
{
  (void)state;
  struct identity const nobody = { .set = 0 };
  struct stat st;
  char path[200];
  strcpy(path, below("s"));
  int fd = serve_bind(path, &nobody, (gid_t)-1);
  assert_true(fd >= 0);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode, S_IFSOCK | 0660);
  assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
  pid_t pid = fork(); /* the lock is the process' */
  if (!pid) _exit(serve_bind(path, &nobody, (gid_t)-1) == -1 && errno == EADDRINUSE ? 0 : 1);
  int status;
  waitpid(pid, &status, 0);
  assert_int_equal(status, 0);
  close(fd);
  memset(path, 'x', sizeof path - 1);
  path[sizeof path - 1] = 0;
  assert_int_equal(serve_bind(path, &nobody, (gid_t)-1), -1);
  assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(choosing, enter, leave), cmocka_unit_test_setup_teardown(no_default, enter, leave),
    cmocka_unit_test_setup_teardown(changing, enter, leave), cmocka_unit_test_setup_teardown(tickets, enter, leave),
    cmocka_unit_test_setup_teardown(not_looked_at_all_the_time, enter, leave),
    cmocka_unit_test_setup_teardown(files, enter, leave), cmocka_unit_test_setup_teardown(the_socket, enter, leave),
  };
  return cmocka_run_group_tests(tests, 0, 0);
}
