/* Certificates and keys in files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include "tls/pem.h"

void pem_forget(void)
{
  ERR_clear_error();
}

char const *pem_why(char const *other)
{
  char const *why = ERR_reason_error_string(ERR_peek_last_error());
  pem_forget();
  return why ? why : other;
}

struct text {
  char *s;
  size_t len, room;
};

/* Reads a plain file. io_slurp would leave copies of a key behind when it grows. Returns 0 or what is wrong. */
static char const *slurp(struct text *t, char const *path)
{
  struct stat st;
  char const *why = 0;
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return strerror(errno);
  if (fstat(fd, &st) < 0) why = strerror(errno);
  else if (!S_ISREG(st.st_mode)) why = "not a file";
  else if (st.st_size > PEM_MOST) why = "too large";
  else if (!(t->s = malloc(t->room = (size_t)st.st_size + 1))) why = strerror(errno);
  while (!why && t->len < t->room) {
    ssize_t r = read(fd, t->s + t->len, t->room - t->len);
    if (r > 0) t->len += (size_t)r;
    else if (r == 0) break;
    else if (errno != EINTR) why = strerror(errno);
  }
  close(fd);
  return why;
}

static void wipe(struct text *t)
{
  OPENSSL_cleanse(t->s, t->room);
  free(t->s);
}

char const *pem_certificates(STACK_OF(X509) **list, char const *path)
{
  struct text t = { .s = 0 };
  char const *why = slurp(&t, path);
  BIO *b = why ? 0 : BIO_new_mem_buf(t.s, (int)t.len);
  X509 *x;
  *list = sk_X509_new_null();
  while (b && *list && (x = PEM_read_bio_X509(b, 0, 0, 0))) {
    if (sk_X509_push(*list, x)) continue;
    X509_free(x);
    why = "out of memory";
    break;
  }
  /* "no start line" is how the end shows, and a file without any certificate */
  if (!why && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) why = pem_why("out of memory");
  if (!why && !sk_X509_num(*list)) why = "no certificate in it";
  BIO_free(b);
  if (t.s) wipe(&t);
  pem_forget();
  if (!why) return 0;
  sk_X509_pop_free(*list, X509_free);
  *list = 0;
  return why;
}

static int no_password(char *buf, int size, int writing, void *data)
{
  (void)buf, (void)size, (void)writing, (void)data;
  return -1;
}

char const *pem_key(EVP_PKEY **key, char const *path)
{
  struct text t = { .s = 0 };
  char const *why = slurp(&t, path);
  BIO *b = why ? 0 : BIO_new_mem_buf(t.s, (int)t.len);
  *key = b ? PEM_read_bio_PrivateKey(b, 0, no_password, 0) : 0;
  if (!*key && !why) why = pem_why("no key in it");
  BIO_free(b);
  if (t.s) wipe(&t);
  pem_forget();
  return why;
}
