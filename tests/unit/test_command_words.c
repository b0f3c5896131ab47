// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <string.h>

#include "harness/arms/command_arm_parts.h"

static cm_arena arena;
static const char *const values[CM_PLACES] = {"P", "C", "T", "S", "N", "/a b/out", "3", "20", "7.5", "64", "96"};

/* The words of a command, each in brackets. */
static const char *split(const char *command) {
    static char text[1000];
    cm_command_words w;
    text[0] = 0;
    cm_arena_free(&arena);
    cm_arena_init(&arena, 0);
    const cm_status s = cm_command_split(command, values, &arena, &w);
    if (s != CM_OK) return cm_why();
    cr_assert_null(w.words[w.count]);
    for (size_t i = 0; i < w.count; i++) snprintf(text + strlen(text), sizeof text - strlen(text), "[%s]", w.words[i]);
    return text;
}

Test(command_words, are_parted_by_blanks_quotes_and_backslashes) {
    static const struct {
        const char *command, *words;
    } cases[] = {
        {"run {prompts} {out}", "[run][P][/a b/out]"},
        {" \t run\n--in={prompts}\r--out='{out}/x' ", "[run][--in=P][--out=/a b/out/x]"},
        {"run {prompts_csv} {prompts_txt} {seeds} {negative_file} {out} {count} {steps} {guidance} {width}x{height}",
         "[run][C][T][S][N][/a b/out][3][20][7.5][64x96]"},
        {"run {prompts} {out} '' \"\" a''b", "[run][P][/a b/out][][][ab]"},
        {"run {prompts} {out} 'a b' \"a b\" a\\ b", "[run][P][/a b/out][a b][a b][a b]"},
        {"run {prompts} {out} 'a\"\\b' \"a'\\\"\\\\\\n\" \\'\\\"\\\\", "[run][P][/a b/out][a\"\\b][a'\"\\\\n]['\"\\]"},
        {"run {prompts} {out} '$(id) `id` $HOME; rm * | & < > ? ~'",
         "[run][P][/a b/out][$(id) `id` $HOME; rm * | & < > ? ~]"},
        {"run {prompts} {out} \\$HOME a~b #x (y) !z [w]", "[run][P][/a b/out][$HOME][a~b][#x][(y)][!z][[w]]"},
        {"run {prompts} {out} '{\"a\": {\"b\": 1}}' {} { } {a b} \\{out} \"\\{out}\"",
         "[run][P][/a b/out][{\"a\": {\"b\": 1}}][{}][{][}][{a][b}][{out}][{out}]"},
        {"run {prompts} \xc3\xa9{out}\xe2\x82\xac", "[run][P][\xc3\xa9/a b/out\xe2\x82\xac]"},
        {"run {prompts}{prompts}{out}{out}{out}", "[run][PP/a b/out/a b/out/a b/out]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) cr_expect_str_eq(split(cases[i].command), cases[i].words);
    cm_arena_free(&arena);
}

Test(command_words, that_are_no_command_are_refused_with_the_reason) {
    static const struct {
        const char *command, *why;
    } cases[] = {
        {"", "no command"},
        {"  \n ", "no command"},
        {"'' {prompts} {out}", "the first word, the program, is empty"},
        {"run {out}", "no {prompts}"},
        {"run {prompts_txt} {out}", "no {prompts}"},
        {"run {prompts}", "no {out}"},
        {"run {prompts} {out} {prompt}", "there is no placeholder {prompt}; the closest is {prompts}"},
        {"run {prompts} {out} {Steps}", "there is no placeholder {Steps}; the closest is {steps}"},
        {"run {prompts} {out} '{quality}'", "there is no placeholder {quality}; there are {prompts}, "},
        {"run {prompts} '{out}", "a quote ' is opened and not closed"},
        {"run {prompts} {out} \"a\\\"", "a quote \" is opened and not closed"},
        {"run {prompts} {out} \\", "a backslash at the end"},
        {"run {prompts} {out} > log", "'>' in '> log': no shell reads a command"},
        {"run {prompts} {out} 2>&1", "'>' in '>&1'"},
        {"run {prompts} {out}; rm x", "';' in '; rm x'"},
        {"run {prompts} {out} && x", "'&' in"},
        {"run {prompts} {out} | x", "'|' in"},
        {"run {prompts} {out} $HOME", "'$' in '$HOME'"},
        {"run {prompts} {out} `id`", "'`' in"},
        {"~/run {prompts} {out}", "'~' in '~/run"},
        {"run {prompts} {out} *.png", "'*' in"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect(strstr(split(cases[i].command), cases[i].why), "%s: %s", cases[i].command, cm_why());
        cr_expect_eq(cm_command_check(cases[i].command), CM_EUSAGE);
        cr_expect(strstr(cm_why(), "command '") && strstr(cm_why(), cases[i].why), "%s", cm_why());
    }
    cr_expect_eq(cm_command_check("python sd.py --prompts {prompts} --seeds {seeds} --out {out}"), CM_OK);
    cm_arena_free(&arena);
}

Test(command_words, of_any_length_have_room) {
    enum { TIMES = 3000 };
    static char command[TIMES * 8 + 64] = "run {prompts} ";
    cm_command_words w;
    for (size_t i = 0; i < TIMES; i++) strncat(command, i % 2 ? "{out} " : "\"\\a\" ", 8);
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_command_split(command, values, &arena, &w), CM_OK);
    cr_expect_eq(w.count, TIMES + 2);
    cr_expect_str_eq(w.words[TIMES], "\\a");
    cr_expect_str_eq(w.words[TIMES + 1], "/a b/out");
    cm_arena_free(&arena);
}
