/* The texts that relay-conf writes, as templates (conf/template.h). */
#ifndef CONF_TEMPLATES_H
#define CONF_TEMPLATES_H

#include "conf/quote.h"

struct conf_file {
  char const *name;  /* below the directory that is made, a template too; null ends a list */
  int mode;          /* permissions */
  quote_fn *quote;   /* how values are written */
  char const *text;  /* the template; null: a directory */
};

extern struct conf_file const conf_receive[]; /* a daemontools service: run, log/run, log/main */
extern struct conf_file const conf_send[];
extern struct conf_file const conf_tls[];
extern struct conf_file const conf_sync[];
extern struct conf_file const conf_systemd_sync[]; /* the same for systemd */
extern struct conf_file const conf_systemd[]; /* a listener's units */
extern struct conf_file const conf_systemd_send[]; /* those that all listeners share */
extern struct conf_file const conf_systemd_tls[];
extern struct conf_file const conf_systemd_sweep[]; /* relay-pop-sweep, every five minutes */
extern struct conf_file const conf_xinetd[]; /* two files, named by what is behind the FILE's own name: "", ".run" */
extern struct conf_file const conf_control[]; /* a control directory */

#endif
