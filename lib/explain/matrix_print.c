/* The table for people and for programs. */
#include <string.h>
#include "explain/matrix.h"
#include "explain/print.h"

#define GAP 10  /* columns of a row's name */

static char const *const rows[] = {
#define X(name, word) word,
  MATRIX_ROWS(X)
#undef X
};
static char const *const columns[] = {
#define X(name, word) word,
  MATRIX_COLUMNS(X)
#undef X
};

static int is_there(struct matrix const *m, int row, int column)
{
  return m->rows[row].there && *m->recipient[column];
}

static int put_cell(stralloc *out, struct matrix const *m, int row, int column)
{
  struct outcome const *o = &m->cells[row][column].outcome;
  if (!is_there(m, row, column)) return stralloc_cats(out, "-");
  if (!PRINT(out, verdict_word(o->decision.verdict), " ", outcome_word(o))) return 0;
  return !o->decision.record.line ||
    (stralloc_cats(out, " ") && print_place(out, o->decision.record.file, o->decision.record.line));
}

static int put_row(stralloc *out, struct matrix const *m, int row)
{
  char ip[IP_TEXT] = "";
  size_t from = out->len;
  if (m->rows[row].client.len) ip_fmt(ip, &m->rows[row].client);
  int ok = stralloc_cats(out, rows[row]) && print_pad(out, from, GAP);
  if (!m->rows[row].there) return ok && stralloc_cats(out, "(the rules trust nobody)\n");
  ok = ok && stralloc_cats(out, ip);
  if (*m->rows[row].host) ok = ok && stralloc_cats(out, ", named ") && print(out, m->rows[row].host);
  if (m->rows[row].login) ok = ok && stralloc_cats(out, ", logged in as ") && print(out, m->rows[row].login);
  if (m->rows[row].stamp) ok = ok && stralloc_cats(out, ", with a POP stamp of ") && print(out, m->rows[row].stamp);
  if (row == ROW_STAMPED && *m->rows[row].listener)
    ok = ok && stralloc_cats(out, ", on the listener ") && print(out, m->rows[row].listener);
  return ok && stralloc_cats(out, "\n");
}

static int put_address(stralloc *out, char const *name, char const *address, char const *none)
{
  size_t from = out->len;
  return stralloc_cats(out, name) && print_pad(out, from, GAP) && (*address ? print(out, address) : stralloc_cats(out,
    none))
    && stralloc_cats(out, "\n");
}

/* The columns' widths; a cell is written to be measured. */
static int measure(struct matrix const *m, size_t width[COLUMNS])
{
  stralloc cell = STRALLOC_ZERO;
  int ok = 1;
  for (int k = 0; k < COLUMNS; k++) {
    width[k] = strlen(columns[k]) + 2;
    for (int i = 0; i < ROWS && ok; i++) {
      cell.len = 0;
      ok = put_cell(&cell, m, i, k);
      if (cell.len + 2 > width[k]) width[k] = cell.len + 2;
    }
  }
  stralloc_free(&cell);
  return ok;
}

int matrix_text(stralloc *out, struct matrix const *m)
{
  size_t width[COLUMNS], from;
  int ok = measure(m, width);
  for (int i = 0; i < ROWS && ok; i++) ok = put_row(out, m, i);
  ok = ok && put_address(out, "sender", m->sender, "<>");
  ok = ok && put_address(out, columns[COLUMN_HOSTED], m->recipient[COLUMN_HOSTED], "(no domain is hosted)");
  ok = ok && put_address(out, columns[COLUMN_OUTGOING], m->recipient[COLUMN_OUTGOING], "");
  ok = ok && put_address(out, columns[COLUMN_DENIED], m->recipient[COLUMN_DENIED], "(nothing is denied)");
  ok = ok && stralloc_cats(out, "\n");
  for (int i = -1; i < ROWS && ok; i++) {
    from = out->len;
    ok = (i < 0 || stralloc_cats(out, rows[i])) && print_pad(out, from, GAP);
    for (int k = 0; k < COLUMNS && ok; k++) {
      from = out->len;
      ok = i < 0 ? stralloc_cats(out, columns[k]) : put_cell(out, m, i, k);
      if (k + 1 < COLUMNS) ok = ok && print_pad(out, from, width[k]);
    }
    ok = ok && stralloc_cats(out, "\n");
  }
  return ok;
}

static void pair(struct json *j, char const *key, char const *value)
{
  json_key(j, key);
  json_str(j, value);
}

static void cell_json(struct json *j, struct matrix const *m, int row, int column)
{
  struct outcome const *o = &m->cells[row][column].outcome;
  json_object(j);
  pair(j, "row", rows[row]);
  pair(j, "column", columns[column]);
  pair(j, "verdict", verdict_word(o->decision.verdict));
  pair(j, "reason", outcome_word(o));
  pair(j, "reply", m->cells[row][column].reply);
  json_key(j, "rule");
  if (o->decision.record.line) {
    json_object(j);
    pair(j, "file", o->decision.record.file);
    json_key(j, "line");
    json_number(j, o->decision.record.line);
    json_end(j);
  } else {
    json_null(j);
  }
  json_end(j);
}

void matrix_json(struct json *j, struct matrix const *m)
{
  char ip[IP_TEXT];
  json_object(j);
  json_key(j, "rows");
  json_array(j);
  for (int i = 0; i < ROWS; i++) {
    if (!m->rows[i].there) continue;
    *ip = 0;
    if (m->rows[i].client.len) ip_fmt(ip, &m->rows[i].client);
    json_object(j);
    pair(j, "row", rows[i]);
    pair(j, "client", *ip ? ip : 0);
    pair(j, "host", *m->rows[i].host ? m->rows[i].host : 0);
    pair(j, "login", m->rows[i].login);
    pair(j, "pop", m->rows[i].stamp);
    pair(j, "listener", *m->rows[i].listener ? m->rows[i].listener : 0);
    json_end(j);
  }
  json_end(j);
  json_key(j, "columns");
  json_array(j);
  for (int k = 0; k < COLUMNS; k++) {
    if (!*m->recipient[k]) continue;
    json_object(j);
    pair(j, "column", columns[k]);
    pair(j, "recipient", m->recipient[k]);
    json_end(j);
  }
  json_end(j);
  pair(j, "sender", m->sender);
  json_key(j, "cells");
  json_array(j);
  for (int i = 0; i < ROWS; i++)
    for (int k = 0; k < COLUMNS; k++)
      if (is_there(m, i, k)) cell_json(j, m, i, k);
  json_end(j);
  json_end(j);
}
