/* TLS as a client: a handshake over a connected socket, what it found, and the bytes after it. Verifies by CA and name,
 * or by TLSA records (DANE), or not at all. */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <openssl/ssl.h>

#define TLS_CLIENT_NAMES 4     /* names of which a certificate must have one */
#define TLS_CLIENT_TLSA 64     /* TLSA records: all that the DNS gives */
#define TLS_CLIENT_WHY 128     /* bytes of a text with its NUL */
#define TLS_CLIENT_SESSIONS 8  /* sessions kept for later connections */
#define TLS_CLIENT_FRESH 600   /* seconds for which a session, and the CAs that were read, are good */

enum tls_check {
  TLS_CHECK_NONE,   /* any certificate */
  TLS_CHECK_CA,     /* a CA's signature and one of the names */
  TLS_CHECK_DANE,   /* the TLSA records, and with usage 2 one of the names (RFC 7672 3) */
};

struct tls_tlsa {
  uint8_t usage, selector, matching;  /* RFC 6698 2.1; what isn't usable is left out (tls_tlsa_usable) */
  uint16_t len;
  unsigned char const *data;          /* the caller's, only read during the handshake */
};

struct tls_want {
  enum tls_check check;
  unsigned only_look : 1;    /* a check that fails is told and not more: check is CA */
  char const *sni;           /* the name asked for; null or "": none. Canonical, no address */
  char const *names[TLS_CLIENT_NAMES]; /* canonical; or an address as text, which the certificate must have as such */
  unsigned names_n;          /* at least 1 for CA and DANE */
  char const *ca;            /* CA: path of a file of CAs; null or "": the system's */
  struct tls_tlsa const *tlsa;
  unsigned tlsa_n;
  char const *peer;          /* "192.0.2.1:25": with all of the above the key under which the session is kept; null: it
                                is not kept */
};

/* What a handshake came to. All texts are printable ASCII. */
struct tls_found {
  enum tls_check checked;    /* what the certificate has stood; NONE: no check was asked for, or only_look failed */
  char version[16];          /* "TLSv1.3" */
  char cipher[48];           /* "TLS_AES_256_GCM_SHA384" */
  unsigned resumed : 1;
  long verify;               /* X509_V_...: why a check failed; X509_V_OK */
  char why[TLS_CLIENT_WHY];  /* only_look failed: in words; else "" */
};

enum tls_failure {
  TLS_FINE,
  TLS_FAILED,       /* no handshake: the other end broke it off, is gone, speaks no TLS or none that we speak */
  TLS_TIMEOUT,
  TLS_UNVERIFIED,   /* the certificate did not stand the check */
  TLS_OURS,         /* our own side: no memory, a file of CAs that can't be read */
};

/* What the connections of a process share: the context, the CAs, sessions. All zero to begin with. */
struct tls_client;
struct tls_clients {
  SSL_CTX *ctx;           /* null: not yet made */
  char *ca;               /* the file of CAs that ctx has; "" the system's; null: none was needed */
  int64_t loaded;         /* when they were read, io_now's clock */
  struct tls_kept { unsigned char key[32]; SSL_SESSION *session; } kept[TLS_CLIENT_SESSIONS];
  unsigned next;          /* the slot to be taken next */
};

/* Makes the handshake over fd, a non-blocking socket, before `deadline` (io_now's clock). On TLS_FINE *c is the
 * connection, to be given back with tls_client_close; else *c is null, and why says what went wrong, in words that go
 * behind "TLS handshake: ", with tls_found's verify set for UNVERIFIED. Nothing is read from fd but TLS records, and
 * fd is never closed. SIGPIPE must be ignored. `all` must outlive *c. */
enum tls_failure tls_client_start(struct tls_client **c, struct tls_clients *all, int fd, struct tls_want const *want,
  int64_t deadline, struct tls_found *found, char why[TLS_CLIENT_WHY]);

/* As smtp/client_transport.h has them; arg is a struct tls_client. */
ssize_t tls_client_read(void *arg, char *buf, size_t n, int64_t deadline);
ssize_t tls_client_write(void *arg, char const *s, size_t n, int64_t deadline);
int tls_client_quiet(void *arg);
void tls_client_close(void *arg);

/* Can OpenSSL use the record for DANE with SMTP (RFC 7672 3.1: usages 2 and 3 alone)? */
int tls_tlsa_usable(struct tls_tlsa const *r);

/* Gives the contexts and sessions back. */
void tls_clients_free(struct tls_clients *all);

#endif
