/* Writing words so that whoever reads a file back gets the same word. No word may hold NUL or LF: that is asked before
 * (conf/options.h), and refused here again. */
#ifndef CONF_QUOTE_H
#define CONF_QUOTE_H

#include <skalibs/stralloc.h>

/* Each appends one word and returns 1, or 0 with errno: ENOMEM, or EINVAL when the format can't hold the word. */
typedef int quote_fn(stralloc *sa, char const *word);

quote_fn quote_sh;      /* a POSIX shell's word */
quote_fn quote_systemd; /* a word of ExecStart= or Environment= in systemd.service(5): % is doubled;
                           no $, which only one of the two would expand */
quote_fn quote_plain;   /* a word as it is: xinetd.conf(5), systemd's other settings;
                           no spaces, quotes, # or controls */
quote_fn quote_text;    /* anything, for comments and for plain texts */

#endif
