// SPDX-License-Identifier: Apache-2.0
/* Records of somebody else's: every text of every kind of record is an attempt at markup, a formula, a command. Nothing
 * of it may be live in the page, the text, the tables or the plots; names are refused by file and line. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/system.h"
#include "reports/page_look.h"
#include "reports/report.h"

/* Each begins as a formula would, ends an attribute, a tag, a quote, a heredoc, a cell, and starts something else. */
static const char *const payloads[] = {
    "=cmd\"'><script>document.title='OWNED'</script><img src=x onerror=alert(1)>`touch OWNED`$(touch "
    "OWNED)\nEOD\nsystem \"touch OWNED\"\n",
    "-->]]></style></title><svg onload=alert(1)>|a|b|\n# "
    "h\n![x](http://x.invalid/a)[y](javascript:alert(1))<http://x.invalid>\r\n",
    "'\" onmouseover=\"alert(1)\" style=\"x\" x='\\\"'; print `touch OWNED`; set output '/tmp/OWNED\n\nplot\n",
    "&lt;script&gt;\x7f\x01\x1b[2J</td></tr></table><iframe src=\"data:text/html,x\"></iframe><base "
    "href=//x.invalid>@SUM(1)",
};
enum { PAYLOADS = sizeof payloads / sizeof *payloads };

/* --- records ---------------------------------------------------------------------------- */

static void put_text(FILE *f, const char *key, size_t which) {
    json_t *text = json_string(payloads[which % PAYLOADS]);
    char *as = json_dumps(text, JSON_ENCODE_ANY);
    fprintf(f, ",\"%s\":%s", key, as);
    free(as);
    json_decref(text);
}

/* One record: the fixed part, then every key with a payload. */
static void put_record(FILE *f, const char *begin, const char *const *keys, size_t which, const char *end) {
    fputs(begin, f);
    for (size_t i = 0; keys[i]; i++) put_text(f, keys[i], which + i);
    fprintf(f, "%s}", end);
}

static void put_line(FILE *f, const char *begin, const char *const *keys, size_t which, const char *end) {
    put_record(f, begin, keys, which, end);
    fputc('\n', f);
}

typedef enum mode { BENCH, PUBLISHED, FORMAT2 } mode; /* of records */

static void put_plan(FILE *f, size_t n, mode m) {
    static const char *const network[] = {"name", "hash", "label", NULL}, *const metric[] = {"title", "network",
                                                                                             "rule",  "weights",
                                                                                             "about", "source",
                                                                                             NULL};
    static const char *const labels[] = {"acc_all", "hola", "fd@nano", "fid@clean[nano]"};
    char begin[200];
    if (m == BENCH) return;
    put_record(f, ",\"plan\":{\"networks\":[{\"x\":1", network, n, "");
    fputs("],\"metrics\":[", f);
    for (size_t i = 0; m == FORMAT2 && i < 4; i++) {
        snprintf(begin, sizeof begin, "%s{\"label\":\"%s\",\"better\":\"lower\",\"decimals\":2", i ? "," : "",
                 labels[i]);
        put_record(f, begin, metric, n + i, "");
    }
    fputs("]}", f);
}

static void put_header(FILE *f, size_t n, mode m) {
    static const char *const keys[] = {"prompts", "started",      "version",   "commit",     "compiler",
                                       "cpu",     "cpu_features", "core_type", "statistics", NULL};
    static const char *const settings[] = {"sampler", "negative", "backend", "dtype", NULL}, *const name[] = {"name",
                                                                                                              NULL};
    static const char *const about[] = {"about", "model", "hash", NULL}, *const list[] = {"from", NULL},
                             *const arm[] = {"about", "from", "command", "note", NULL};
    static const char *const trained[] = {"data", NULL};
    fputs("{\"kind\":\"run\",\"suite\":\"quick\",", f);
    if (m == FORMAT2) fputs("\"format\":2,\"primary\":\"acc_all\",", f);
    fputs("\"arms\":[", f);
    put_record(f, "{\"name\":\"hq\"", about, n, "");
    put_record(f, ",{\"name\":\"daring\"", about, n + 1, "");
    if (m == FORMAT2) {
        put_record(f, ",{\"name\":\"images\",\"kind\":\"images\"", arm, n, ",\"trained\":");
        fseek(f, -1, SEEK_CUR); /* the brace comes after what it was trained on */
        put_record(f, "{\"hola\":1", trained, n, "}");
        put_record(f, ",{\"name\":\"command\",\"kind\":\"command\"", arm, n + 1, "");
        put_record(f, ",{\"name\":\"none\"", arm, n + 2, "");
    }
    put_record(f, "],\"settings\":{\"steps\":2", settings, n, "");
    put_record(f, ",\"reference\":{\"count\":3", name, n, "");
    put_record(f, ",\"lists\":{\"pictures\":{\"count\":3", list, n, "");
    fputs("}", f);
    put_plan(f, n, m);
    for (size_t i = 0; keys[i]; i++) put_text(f, keys[i], n + i);
    fputs("}\n", f);
}

static void put_records(FILE *f, size_t n, mode m) {
    static const char *const image[] = {"id", "prompt", "picture", "noise_hash", "suite_text", NULL},
                             *const map[] = {"group", "text", "picture", NULL};
    static const char *const score[] = {"prompts", "better", "about", "source", "note", NULL}, *const pair[] = {
                                                                                                   "prompts", "note",
                                                                                                   NULL};
    static const char *const speed[] = {"model", "backend", "dtype", "stage", "note", NULL}, *const sgemm[] = {
                                                                                                 "backend", "note",
                                                                                                 NULL};
    static const char *const note[] = {"note", NULL}, *const part[] = {"group", NULL},
                             *const done[] = {"finished", NULL};
    static const char *const scores[] = {"acc_all", "hola", "fd@nano", "fid@clean[nano].mean"};
    char begin[200];
    put_header(f, n, m);
    for (size_t i = 0; i < 4; i++) {
        snprintf(begin, sizeof begin, "{\"kind\":\"score\",\"suite\":\"quick\",\"arm\":\"%s\",\"score\":\"%s\"",
                 i % 2 ? "hq" : "daring", scores[i]);
        put_line(f, begin, score, n + i, i % 2 ? ",\"value\":1.5,\"lo\":1,\"hi\":2,\"n\":3" : "");
        snprintf(begin, sizeof begin, "{\"kind\":\"pair\",\"a\":\"daring\",\"b\":\"hq\",\"score\":\"%s\"", scores[i]);
        put_line(f, begin, pair, n + i,
                 i % 2 ? ",\"difference\":1,\"lo\":0.5,\"hi\":2,\"p\":0.01,\"p_holm\":0.02,\"n\":3" : "");
        snprintf(begin, sizeof begin, "{\"kind\":\"ceiling\",\"score\":\"%s\"", scores[i]);
        put_line(f, begin, note, n + i, ",\"value\":99");
        put_line(f, "{\"kind\":\"speed\",\"width\":64,\"height\":64", speed, n + i,
                 i % 2 ? ",\"median_s\":0.5,\"n\":2,\"apart\":0.01" : "");
        put_line(f, "{\"kind\":\"speed\",\"width\":128,\"height\":64", speed, n + i, ",\"median_s\":0.5,\"gflop\":3");
        put_line(f, "{\"kind\":\"sgemm\"", sgemm, n + i, ",\"gflops\":10");
        put_line(f, "{\"kind\":\"part\",\"arm\":\"hq\",\"score\":\"acc_all\"", part, n + i,
                 ",\"value\":50,\"lo\":40,\"hi\":60,\"n\":9");
        put_line(f, "{\"kind\":\"command\",\"arm\":\"command\",\"seconds\":1,\"images\":2", note, n + i, "");
        put_record(f,
                   i % 2 ? "{\"kind\":\"image\",\"arm\":\"hq\",\"attention\":[{\"x\":1"
                         : "{\"kind\":\"image\",\"arm\":\"daring\",\"attention\":[{\"x\":1",
                   map, n, "");
        for (size_t k = 0; image[k]; k++) {
            if (k == 0) fputs("]", f);
            put_text(f, image[k], n + k);
        }
        fputs("}\n", f);
    }
    put_line(f, "{\"kind\":\"picture\",\"side\":\"pictures\",\"index\":0", image, n, "");
    put_line(f, "{\"kind\":\"failed\",\"side\":\"pictures\",\"index\":1", note, n, "");
    put_line(f, "{\"kind\":\"done\"", done, n, "");
}

static void put_peers(const char *path, size_t n) {
    static const char *const keys[] = {"model",  "stage", "engine", "version", "precision",
                                       "layout", "cpu",   "note",   NULL};
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    put_line(f, "{\"kind\":\"peer\",\"width\":64,\"height\":64,\"median_s\":2", keys, n, "");
    put_line(f, "{\"kind\":\"peer\",\"width\":64,\"height\":64", keys, n + 1, "");
    fclose(f);
}

/* --- what is live ----------------------------------------------------------------------- */

static bool is_of(const char *const *list, const char *word, size_t n) {
    for (; *list; list++)
        if (strlen(*list) == n && strncmp(*list, word, n) == 0) return true;
    return false;
}

/* Attributes of one tag: known names, values in double quotes; sources are data. Returns what stands behind the tag. */
static const char *check_attributes(const char *at) {
    static const char *const known[] = {"lang", "charset", "http-equiv", "content",   "name",   "class", "alt",
                                        "src",  "colspan", "data-title", "data-sort", "open",   "scope", "id",
                                        "href", "role",    "aria-label", "width",     "height", NULL};
    while (*at == ' ') {
        const char *name = ++at;
        const size_t n = strcspn(at, "= >");
        cr_assert(is_of(known, name, n), "attribute %.40s", name);
        at += n;
        if (*at != '=') continue;
        cr_assert_eq(at[1], '"', "%.40s", name);
        const char *value = at + 2;
        if (n == 4 && strncmp(name, "href", 4) == 0)
            cr_assert(strspn(value, "#abcdefghijklmnopqrstuvwxyz-0123456789") == strcspn(value, "\""), "%.60s", value);
        if (n == 3 && strncmp(name, "src", 3) == 0) cr_assert(strncmp(value, "data:image/", 11) == 0, "%.60s", value);
        at = strchr(value, '"');
        cr_assert_not_null(at);
        for (const char *c = value; c < at; c++) cr_assert(*c != '<' && *c != '>', "%.60s", value);
        at++;
    }
    cr_assert_eq(*at, '>', "%.60s", at);
    return at + 1;
}

/* One script, at the end, and it is the page's own. */
static void check_script(const char *page) {
    const char *script = strstr(page, "<script>" CM_PAGE_SCRIPT "</script></body></html>");
    cr_assert_not_null(script);
    cr_assert_eq(strstr(page, "<script"), script);
}

/* Walks the page as a browser would: every < begins a tag of the page's own set, and tags end in the order they began.
 */
static void check_page(const char *page) {
    static const char *const known[] = {"html",    "head",   "meta",   "title",  "style",      "body",
                                        "main",    "p",      "h1",     "h2",     "h3",         "div",
                                        "table",   "thead",  "tbody",  "tr",     "th",         "td",
                                        "small",   "b",      "img",    "figure", "figcaption", "details",
                                        "summary", "header", "nav",    "ul",     "li",         "a",
                                        "caption", "sup",    "strong", "span",   "script",     NULL};
    static const char *const empty[] = {"meta", "img", NULL};
    static const char doctype[] = "<!doctype html>";
    char open[64][16]; /* the names of tags that are open */
    size_t depth = 0;
    cr_assert(strncmp(page, doctype, sizeof doctype - 1) == 0);
    cr_assert(strstr(page, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                           "style-src 'unsafe-inline'; "
                           "script-src 'sha256-"));
    check_script(page);
    for (const char *at = strchr(page + 1, '<'); at; at = strchr(at, '<')) {
        const bool end = at[1] == '/';
        const char *name = at + 1 + end;
        const size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz123");
        cr_assert(is_of(known, name, n), "tag %.60s", at);
        at = check_attributes(name + n);
        if (is_of(empty, name, n)) continue;
        if (end) {
            cr_assert(depth && strlen(open[depth - 1]) == n && strncmp(open[depth - 1], name, n) == 0,
                      "%.60s closes %s", name, depth ? open[depth - 1] : "");
            depth--;
        } else {
            cr_assert_lt(depth, 64);
            snprintf(open[depth++], sizeof *open, "%.*s", (int)n, name);
        }
    }
    cr_assert_eq(depth, 0);
}

/* Nothing of HTML; no link, picture, code or extra cell that is not escaped, but our own plots. */
static void check_markdown(const char *text) {
    for (const char *at = text; (at = strpbrk(at, "<`[]")); at++) {
        const bool plot =
            (*at == '[' && at[-1] == '!' && at[-2] == '\n') || (*at == ']' && strncmp(at, "](plots/", 8) == 0);
        if (*at == '<') cr_expect_eq(at[1], ' ', "%.60s", at);
        else cr_expect(plot || at[-1] == '\\', "%.60s", at);
    }
    for (const char *line = text; line; line = strchr(line + 1, '\n')) {
        size_t cells = 0;
        const char *end = strchr(line + 1, '\n');
        if (line[1] != '|' || !end) continue;
        for (const char *c = line + 1; c < end; c++) cells += *c == '|' && c[-1] != '\\';
        cr_expect_gt(cells, 3, "%.100s", line);
        cr_expect_lt(cells, 20, "%.100s", line);
    }
}

/* No field begins a formula; quotes are in pairs. */
static void check_csv(const char *text) {
    bool quoted = false, first = true;
    for (const char *at = text; *at; at++) {
        const bool number = (*at == '-' || *at == '+') && strchr("0123456789", at[1]);
        if (first && !number) cr_expect(!strchr("=+-@|%\t", *at), "%.40s", at);
        first = false;
        if (*at == '"') quoted = !quoted;
        else if (!quoted && (*at == ',' || *at == '\n')) first = true;
        if (first && at[1] == '"') {
            at++;
            quoted = true;
        }
    }
    cr_expect(!quoted);
}

static char *read_back(const char *folder, const char *file, cm_arena *a) {
    char path[300], *text = NULL;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    cr_assert_eq(cm_read_text(path, 1 << 24, a, &text, &n), CM_OK, "%s", cm_why());
    return text;
}

/* Data lines of a plot: numbers, then one label between quotes; a script has nothing of the records. */
static void check_plot(const char *folder, const char *name, cm_arena *a) {
    char file[100];
    snprintf(file, sizeof file, "plots/%s.dat", name);
    const char *data = read_back(folder, file, a);
    for (const char *line = data; *line; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n'), *quote = memchr(line, '"', (size_t)(end - line));
        if (line == end) continue;
        cr_assert(quote && strspn(line, "0123456789.e+- ") == (size_t)(quote - line), "%.80s", line);
        cr_assert_eq(strcspn(quote + 1, "\"`\\\n'<>&"), (size_t)(end - quote) - 2, "%.80s", line);
    }
    snprintf(file, sizeof file, "plots/%s.gp", name);
    const char *script = read_back(folder, file, a);
    cr_expect(!strstr(script, "touch") && !strstr(script, "alert") && !strchr(script, '`') && !strchr(script, '"') &&
              !strstr(script, "daring"));
    snprintf(file, sizeof file, "%s/plots/%s.svg", folder, name);
    if (!cm_path_exists(file)) return; /* no gnuplot here */
    snprintf(file, sizeof file, "plots/%s.svg", name);
    const char *picture = read_back(folder, file, a);
    cr_expect(!strstr(picture, "<script") && !strstr(picture, "<img") && !strstr(picture, "<iframe") &&
                  !strstr(strstr(picture, "<svg") + 1, "<svg"),
              "live in %s", file);
}

/* A command of ours, with its letters; "\\\\" and what escapes a sign are none. */
static void check_command(const char *name, size_t n) {
    static const char *const known[] = {"textbackslash",
                                        "textasciicircum",
                                        "textasciitilde",
                                        "textless",
                                        "textgreater",
                                        "textbar",
                                        "textquotedbl",
                                        "textquotesingle",
                                        "textasciigrave",
                                        "uparrow",
                                        "downarrow",
                                        "dagger",
                                        "textdagger",
                                        "frac",
                                        "cdot",
                                        "times",
                                        "mu",
                                        "Sigma",
                                        "textquoteright",
                                        "textquotedblleft",
                                        "textquotedblright",
                                        "textendash",
                                        "textemdash",
                                        "begin",
                                        "end",
                                        "textbf",
                                        "small",
                                        "footnotesize",
                                        "scriptsize",
                                        "LARGE",
                                        "par",
                                        "medskip",
                                        "smallskip",
                                        "hskip",
                                        "section",
                                        "subsection",
                                        "cmtable",
                                        "cmtableend",
                                        "cmfigure",
                                        "cmfigureend",
                                        "cmbelow",
                                        "cmlong",
                                        "cmbox",
                                        "cmfit",
                                        "thetable",
                                        "toprule",
                                        "midrule",
                                        "bottomrule",
                                        "tabularnewline",
                                        "multicolumn",
                                        "itshape",
                                        "centering",
                                        "linewidth",
                                        "includegraphics",
                                        "IfFileExists",
                                        NULL};
    cr_assert(is_of(known, name, n), "command %.40s", name);
}

/* Behind the preamble: known commands alone, braces in pairs, no comment or parameter. */
static void check_latex(const char *text) {
    const char *at = strstr(text, "\\begin{document}");
    int depth = 0;
    cr_assert_not_null(at);
    for (; *at; at++) {
        const size_t n = *at == '\\' ? strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") : 0;
        if (n) check_command(at + 1, n);
        if (*at == '\\') {
            at += n ? n : 1;
            continue;
        }
        depth += *at == '{' ? 1 : *at == '}' ? -1 : 0;
        cr_assert_geq(depth, 0, "%.60s", at);
        cr_assert(!strchr("#~\"`<>|", *at), "%.60s", at);
        if (*at == '%') cr_assert_eq(at[1], '\n', "%.60s", at);
    }
    cr_assert_eq(depth, 0);
}

static void check_json(const char *text) {
    json_error_t e;
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &e);
    cr_assert(o, "%s at line %d", e.text, e.line);
    json_decref(o);
}

/* The paper and the card, in every format that needs nothing else. */
static void check_templates(const char *folder, cm_arena *a) {
    static const char *const templates[] = {"full", "paper", "model-card"}, *const files[] = {"report", "paper",
                                                                                              "model-card"};
    char file[64];
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(cm_report_write_as(folder, &(cm_report_choice){NULL, templates[i], "html,md,json,latex"}), CM_OK,
                     "%s", cm_why());
        snprintf(file, sizeof file, "%s.html", files[i]);
        check_page(read_back(folder, file, a));
        snprintf(file, sizeof file, "%s.md", files[i]);
        check_markdown(read_back(folder, file, a));
        snprintf(file, sizeof file, "%s.json", files[i]);
        check_json(read_back(folder, file, a));
        snprintf(file, sizeof file, "%s.tex", files[i]);
        check_latex(read_back(folder, file, a));
    }
}

static void check_all(const char *folder, mode m) {
    static const char *const tables[] = {"scores.csv", "pairs.csv", "speed.csv", "peers.csv", "parts.csv"};
    cm_arena a;
    cm_arena_init(&a, 0);
    check_page(read_back(folder, "report.html", &a));
    check_markdown(read_back(folder, "report.md", &a));
    for (size_t i = 0; i < 5; i++) check_csv(read_back(folder, tables[i], &a));
    check_plot(folder, "speed", &a);
    if (m == BENCH) check_plot(folder, "scores", &a);
    if (m == FORMAT2) check_plot(folder, "parts", &a);
    if (m == FORMAT2) check_templates(folder, &a);
    check_plot(folder, "differences", &a);
    cr_expect(!cm_path_exists("OWNED") && !cm_path_exists("/tmp/OWNED"));
    cm_arena_free(&a);
}

static void report_of(size_t n, mode m) {
    char folder[] = "/tmp/cm-report-XXXXXX", path[300], peers[300], owned[300];
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/records.jsonl", folder);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    put_records(f, n, m);
    fclose(f);
    snprintf(peers, sizeof peers, "%s/peers.jsonl", folder);
    put_peers(peers, n);
    cr_assert_eq(cm_report_write(folder, peers), CM_OK, "%s", cm_why());
    check_all(folder, m);
    snprintf(owned, sizeof owned, "%s/plots/OWNED", folder);
    cr_expect(!cm_path_exists(owned));
}

Test(report_hostile, no_text_of_any_record_is_live_anywhere) {
    for (size_t n = 0; n < PAYLOADS; n++) report_of(n, BENCH);
}

Test(report_hostile, nor_of_published_scores) {
    for (size_t n = 0; n < PAYLOADS; n++) report_of(n, PUBLISHED);
}

Test(report_hostile, nor_of_format_2_in_any_template_or_format) {
    for (size_t n = 0; n < PAYLOADS; n++) report_of(n, FORMAT2);
}

/* --- names ------------------------------------------------------------------------------ */

static void write_records(char *folder, const char *text) {
    char path[300];
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/records.jsonl", folder);
    cr_assert_eq(cm_write_whole(path, text, strlen(text)), CM_OK);
}

static const char *const header = "{\"kind\":\"run\",\"suite\":\"quick\",\"arms\":[{\"name\":\"hq\"}]}\n";

Test(report_hostile, a_name_that_breaks_the_rule_is_refused_by_file_and_line) {
    static const char *const lines[] = {
        "{\"kind\":\"score\",\"arm\":\"hq\",\"score\":\"`touch OWNED`\",\"value\":1}",
        "{\"kind\":\"pair\",\"a\":\"hq\",\"b\":\"x\\nEOD\\n\",\"score\":\"hola\",\"difference\":1}",
        "{\"kind\":\"image\",\"arm\":\"../../x\",\"id\":\"1\"}"};
    for (size_t i = 0; i < 3; i++) {
        char folder[] = "/tmp/cm-report-XXXXXX", text[400], path[300];
        snprintf(text, sizeof text, "%s%s\n", header, lines[i]);
        write_records(folder, text);
        cr_expect_eq(cm_report_write(folder, NULL), CM_EFORMAT);
        cr_expect(strstr(cm_why(), "records.jsonl:2: "), "%s", cm_why());
        snprintf(path, sizeof path, "%s/report.html", folder);
        cr_expect(!cm_path_exists(path));
    }
}

/* --- paths ------------------------------------------------------------------------------ */

static const unsigned char tiny_png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 'S', 'E', 'C', 'R', 'E', 'T', '!', '!'};

Test(report_hostile, an_image_outside_the_runs_folder_is_not_embedded) {
    char folder[] = "/tmp/cm-report-XXXXXX", text[4000], path[300], secret[300];
    static const char *const names[] = {"good.png", "../SECRET.png", "link.png", "folder/SECRET.png",
                                        "pipe.png", "words.txt",     "",         "a/..",
                                        "folder"};
    char *at = text + snprintf(text, sizeof text, "%s", header);
    snprintf(secret, sizeof secret, "%s", "/tmp/cm-secret-XXXXXX");
    cr_assert(mkdtemp(secret));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        at += snprintf(at, sizeof text - (size_t)(at - text),
                       "{\"kind\":\"image\",\"arm\":\"hq\",\"id\":\"%zu\",\"picture\":\"%s\"}\n", i, names[i]);
    snprintf(at, sizeof text - (size_t)(at - text),
             "{\"kind\":\"image\",\"arm\":\"hq\",\"id\":\"abs\",\"picture\":\"%s/SECRET.png\"}\n", secret);
    write_records(folder, text);
    snprintf(path, sizeof path, "%s/good.png", folder);
    cr_assert_eq(cm_write_whole(path, tiny_png, sizeof tiny_png), CM_OK);
    char outside[400];
    snprintf(outside, sizeof outside, "%s/SECRET.png", secret);
    cr_assert_eq(cm_write_whole(outside, tiny_png, sizeof tiny_png), CM_OK);
    snprintf(path, sizeof path, "%s/link.png", folder);
    cr_assert_eq(symlink(outside, path), 0);
    snprintf(path, sizeof path, "%s/folder", folder);
    cr_assert_eq(symlink(secret, path), 0);
    snprintf(path, sizeof path, "%s/pipe.png", folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/words.txt", folder);
    cr_assert_eq(cm_write_whole(path, "root:x:0:0:root:/root", 21), CM_OK);
    cr_assert_eq(cm_report_write(folder, NULL), CM_OK, "%s", cm_why());
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *page = read_back(folder, "report.html", &a);
    size_t embedded = 0, gaps = 0;
    for (const char *p = page; (p = strstr(p, "src=\"data:image/png")); p++) embedded++;
    for (const char *p = page; (p = strstr(p, "no image in this folder")); p++) gaps++;
    cr_expect_eq(embedded, 1, "%zu", embedded);
    cr_expect_eq(gaps, 9, "%zu", gaps);
    cm_arena_free(&a);
}

Test(report_hostile, a_folder_cannot_choose_where_the_report_is_written) {
    static const char *const names[] = {"report.html", "scores.csv", "report.md", "plots"};
    for (size_t i = 0; i < 4; i++) {
        char folder[] = "/tmp/cm-report-XXXXXX", other[] = "/tmp/cm-secret-XXXXXX", path[300], target[300];
        write_records(folder, header);
        cr_assert(mkdtemp(other));
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        snprintf(target, sizeof target, "%s%s", other, i == 3 ? "" : "/bashrc");
        cr_assert_eq(symlink(target, path), 0);
        cr_expect_eq(cm_report_write(folder, NULL), CM_EIO);
        cr_expect(strstr(cm_why(), names[i]), "%s", cm_why());
        snprintf(target, sizeof target, "%s/bashrc", other);
        cr_expect(!cm_path_exists(target));
    }
}
