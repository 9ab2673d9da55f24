/* Templates: texts with @name@ where a value comes in, quoted as the file's reader wants it.
 *
 *   @name@        the value; each LF in it separates two words, which come out one space apart
 *   @=name@       the value as it is
 *   @+name rest   a line that is there when the value is set
 *   @-name rest   a line that is there when it is not
 *   @@            one @
 */
#ifndef CONF_TEMPLATE_H
#define CONF_TEMPLATE_H

#include <skalibs/stralloc.h>
#include "conf/quote.h"

struct conf_value {
  char const *name;
  char const *value; /* null: not set */
};

/* Appends the expanded template; v ends with a null name. Returns 1, or 0 with errno: ENOMEM, EINVAL for a value that
 * the format can't hold, EDOM for a template that names an unknown or an unset value (a fault of ours). */
int conf_expand(stralloc *out, char const *text, struct conf_value const *v, quote_fn *quote);

#endif
