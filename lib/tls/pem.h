/* Certificates and keys in files. */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include <openssl/ssl.h>

#define PEM_PATH 4096    /* bytes of a path with its NUL */
#define PEM_MOST 4194304 /* bytes of a file */

/* Reads all certificates of a file, at least one. Returns 0, or what is wrong in words, static or good until the next
 * call of this header; *list is then null. The caller frees the list with its certificates. */
char const *pem_certificates(STACK_OF(X509) **list, char const *path);

/* Reads a private key, not an encrypted one: there is nobody to be asked. What was read is wiped. Returns as above. */
char const *pem_key(EVP_PKEY **key, char const *path);

/* OpenSSL's reason for the last failure; `other` when it has none. OpenSSL's errors are forgotten. */
char const *pem_why(char const *other);
void pem_forget(void);

#endif
