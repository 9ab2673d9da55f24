/* The certificates in use, and their context. */
#include <string.h>
#include "base/io.h"
#include "base/log.h"
#include "tls/keys.h"
#include "tls/pem.h"

#define LOOK_EVERY 1000 /* milliseconds */

/* Reads what is there now. The old context goes when the new one is complete. */
static void reload(struct keys *k)
{
  struct keys new = { .dir = k->dir };
  struct log_line l;
  if (certs_load(&new.certs, k->dir, k->ctx ? &k->certs : 0) < 0) return;
  /* the context points to the certificates where they will be */
  struct certs old = k->certs;
  k->certs = new.certs;
  new.ctx = context_new(&k->certs);
  if (!new.ctx) {
    log_start(&l, "failed");
    log_str(&l, "why", pem_why("no context"));
    log_end(&l);
    new.certs = k->certs;
    k->certs = old;
    certs_free(&new.certs);
    return;
  }
  SSL_CTX_free(k->ctx);
  certs_free(&old);
  k->ctx = new.ctx;
  k->tickets = io_now();
}

int keys_look(struct keys *k, int now)
{
  uint8_t state[32];
  int64_t time = io_now();
  if (!now && k->looked && time - k->looked < LOOK_EVERY) return k->ctx != 0;
  int first = !k->looked;
  k->looked = time;
  if (certs_state(state, k->dir) < 0) memset(state, 0, sizeof state);
  if (first || memcmp(state, k->seen, sizeof state)) {
    memcpy(k->seen, state, sizeof state);
    reload(k);
  }
  if (k->ctx && time - k->tickets >= CONTEXT_TICKETS * 1000 && context_new_tickets(k->ctx)) k->tickets = time;
  return k->ctx != 0;
}

void keys_free(struct keys *k)
{
  SSL_CTX_free(k->ctx);
  certs_free(&k->certs);
  k->ctx = 0;
}
