/* A program's option that is a number of seconds. */
#ifndef BASE_SECONDS_H
#define BASE_SECONDS_H

/* Reads it, from 1 to 86400; else says what is wrong (skalibs' PROG) and exits 100. */
unsigned seconds_option(char const *s);

#endif
