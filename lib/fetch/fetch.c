/* Fetching a policy over HTTPS. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "fetch/fetch.h"

struct getting {
  struct fetch const *f;
  stralloc *body;
  size_t head;
  char const *wrong;    /* why we broke it off */
  unsigned ours : 1;    /* for want of memory */
  char host[DOMAIN_TEXT + 8];
  char error[CURL_ERROR_SIZE];
};

int fetch_begin(void)
{
  return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

void fetch_end(void)
{
  curl_global_cleanup();
}

static size_t take_body(char *s, size_t size, size_t n, void *arg)
{
  struct getting *g = arg;
  n *= size;
  if (n > STS_POLICY - g->body->len) g->wrong = "more than 65536 bytes";
  else if (!stralloc_catb(g->body, s, n)) g->wrong = "out of memory", g->ours = 1;
  return g->wrong ? 0 : n;
}

static size_t take_head(char *s, size_t size, size_t n, void *arg)
{
  struct getting *g = arg;
  (void)s;
  n *= size;
  if (n > FETCH_HEAD - g->head) g->wrong = "too many headers";
  g->head += n;
  return g->wrong ? 0 : n;
}

/* libcurl takes the common name for a certificate without names; RFC 8461 3.3 asks for a subjectAltName. */
static CURLcode strict_names(CURL *c, void *ctx, void *arg)
{
  struct getting *g = arg;
  X509_VERIFY_PARAM *p = SSL_CTX_get0_param(ctx);
  (void)c;
  X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(p, g->host, 0) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* Where to connect, in libcurl's words: no resolver but ours is asked. Returns 1, or 0 without memory. */
static int set_where(CURL *c, struct getting const *g, struct curl_slist **list)
{
  stralloc s = STRALLOC_ZERO;
  char ip[IP_TEXT];
  int ok;
  if (g->f->instead) ok = stralloc_cats(&s, "::") && stralloc_cats(&s, g->f->instead);
  else {
    ok = stralloc_cats(&s, g->host) && stralloc_cats(&s, ":443:");
    for (unsigned i = 0; ok && i < g->f->at->n; i++) {
      ip_fmt(ip, &g->f->at->ip[i]);
      ok = (!i || stralloc_cats(&s, ",")) && stralloc_cats(&s, ip);
    }
  }
  ok = ok && stralloc_0(&s) && (*list = curl_slist_append(0, s.s))
    && curl_easy_setopt(c, g->f->instead ? CURLOPT_CONNECT_TO : CURLOPT_RESOLVE, *list) == CURLE_OK;
  stralloc_free(&s);
  return ok;
}

static int set_tls(CURL *c, struct getting *g)
{
  return curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, strict_names) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, g) == CURLE_OK
    && (!g->f->ca || curl_easy_setopt(c, CURLOPT_CAINFO, g->f->ca) == CURLE_OK);
}

static int set_all(CURL *c, struct getting *g, struct curl_slist **list)
{
  char url[sizeof g->host + 64];
  snprintf(g->host, sizeof g->host, "mta-sts.%s", g->f->domain);
  snprintf(url, sizeof url, "https://%s/.well-known/mta-sts.txt", g->host);
  return curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, g->f->milliseconds) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_ERRORBUFFER, g->error) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_USERAGENT, "posthouse relay-mtasts") == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_WRITEDATA, g) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_head) == CURLE_OK
    && curl_easy_setopt(c, CURLOPT_HEADERDATA, g) == CURLE_OK
    && set_tls(c, g) && set_where(c, g, list);
}

/* text/plain, with parameters or without. */
static int is_plain(char const *type)
{
  return type && !strncasecmp(type, "text/plain", 10) && (!type[10] || strchr("; \t", type[10]));
}

/* What the answer came to. */
static enum sts_fetched judge(CURL *c, struct getting const *g, CURLcode r, char why[FETCH_WHY])
{
  long status = 0;
  char *type = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
  if (r == CURLE_PEER_FAILED_VERIFICATION || r == CURLE_SSL_ISSUER_ERROR) {
    snprintf(why, FETCH_WHY, "%s", *g->error ? g->error : curl_easy_strerror(r));
    return STS_UNTRUSTED;
  }
  if (g->ours || r == CURLE_OUT_OF_MEMORY || r == CURLE_FAILED_INIT || r == CURLE_SSL_CACERT_BADFILE) {
    snprintf(why, FETCH_WHY, "%s", g->wrong ? g->wrong : *g->error ? g->error : curl_easy_strerror(r));
    return STS_OURS;
  }
  if (g->wrong && status == 200) return snprintf(why, FETCH_WHY, "%s", g->wrong), STS_INVALID;
  if (r != CURLE_OK && !g->wrong) {
    snprintf(why, FETCH_WHY, "%s", *g->error ? g->error : curl_easy_strerror(r));
    return STS_NOT_FETCHED;
  }
  if (status != 200) return snprintf(why, FETCH_WHY, "HTTP status %ld", status), STS_NOT_FETCHED;
  if (is_plain(type)) return STS_FETCHED;
  return snprintf(why, FETCH_WHY, "not text/plain but %s", type ? type : "of no type"), STS_INVALID;
}

enum sts_fetched fetch(struct fetch const *f, stralloc *body, char why[FETCH_WHY])
{
  struct getting g = { .f = f, .body = body };
  struct curl_slist *list = 0;
  enum sts_fetched how = STS_OURS;
  CURL *c = curl_easy_init();
  body->len = 0;
  snprintf(why, FETCH_WHY, "out of memory");
  if (c && stralloc_ready(body, 1) && set_all(c, &g, &list)) how = judge(c, &g, curl_easy_perform(c), why);
  curl_slist_free_all(list);
  if (c) curl_easy_cleanup(c);
  return how;
}
