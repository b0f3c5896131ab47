// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/progress.h"
#include "prompts/delimited.h"
#include "prompts/prompt_columns.h"
#include "prompts/prompt_set.h"
#include "prompts/prompt_rows.h"
#include "tests/unit/failing_alloc.h"
#include "tests/unit/scratch.h"

static cm_arena arena;

static void begin(void) {
    cm_log_level(CM_QUIET);
    cm_arena_init(&arena, 0);
}

static void end(void) {
    cm_arena_free(&arena);
    scratch_done();
}

TestSuite(prompt_rows, .init = begin, .fini = end);

/* "id=text|seed|negative; id=text", or the reason */
static const char *show(const char *name, const char *bytes, size_t length, const char *column) {
    static char all[4000];
    cm_prompt_rows rows;
    scratch_write(name, bytes, length);
    all[0] = '\0';
    if (cm_prompt_rows_read(scratch(name), &(cm_prompt_reading){.column = column}, &arena, &rows) != CM_OK) {
        const size_t folder = strlen(scratch_folder);
        snprintf(all, sizeof all, "%s",
                 strncmp(cm_why(), scratch_folder, folder) == 0 ? cm_why() + folder + 1 : cm_why());
        return all;
    }
    for (size_t i = 0; i < rows.count; i++) {
        const cm_prompt_row *r = &rows.rows[i];
        size_t n = strlen(all);
        n += (size_t)snprintf(all + n, sizeof all - n, "%s%s=%s", i ? "; " : "", r->id, r->text);
        if (r->has_seed) n += (size_t)snprintf(all + n, sizeof all - n, "|%lld", (long long)r->seed);
        if (r->negative) snprintf(all + n, sizeof all - n, "|%s", r->negative);
    }
    cm_prompt_rows_close(&rows);
    return all;
}

#define READS(name, text, want) cr_assert_str_eq(show(name, text, sizeof text - 1, NULL), want)
#define READS_BY(name, column, text, want) cr_assert_str_eq(show(name, text, sizeof text - 1, column), want)
#define REFUSES(name, text, why)                                                                                       \
    do {                                                                                                               \
        const char *said = show(name, text, sizeof text - 1, NULL);                                                    \
        cr_assert(strstr(said, why), "'%s' lacks '%s'", said, why);                                                    \
    } while (0)

Test(prompt_rows, csv_has_quotes_line_breaks_and_a_mark) {
    READS("a.csv",
          "\xef\xbb\xbfid,prompt,seed,negative\r\na,\"red, \"\"long\"\" scarf\",7,hat\r\n\r\nb,\"two\nlines\",,\r\n",
          "a=red, \"long\" scarf|7|hat; b=two\nlines");
    READS("a.csv", "prompt\na red shirt\n\"\"\n", "p0001=a red shirt");
    READS("a.csv", "Prompt,ID\nx,1\ny,\n", "1=x; p0002=y");
    READS("a.csv", "prompt,size\n5\" heel,1", "p0001=5\" heel");
    READS("a.csv", "prompt,seed\rx,-1\ry,18446744073709551615", "p0001=x|-1; p0002=y|-1");
}

Test(prompt_rows, a_tables_delimiter_follows_from_ending_or_header) {
    READS("a.tsv", "id\tprompt\n1\ta, b; c\n", "1=a, b; c");
    READS("a.csv", "id;prompt\n1;a, b\n", "1=a, b");
    READS("a.CSV", "id\tprompt\n1\ta, b\n", "1=a, b");
    cr_assert_eq(cm_delimited_guess("\"a;b;c\",d", 9), ',');
}

Test(prompt_rows, csv_that_is_broken_is_refused_with_its_line) {
    REFUSES("a.csv", "id,prompt\na,x\nb\n", "a.csv:3: 1 cell where the header has 2");
    REFUSES("a.csv", "id,prompt\na,\"x\ny\"\nb,x,y\n", "a.csv:4: 3 cells where the header has 2");
    REFUSES("a.csv", "prompt\n\"open\n", "a.csv: line 2: a quote opens here and is never closed");
    REFUSES("a.csv", "prompt,id\n\"x\"y,1\n", "line 2: text stands behind a closing quote");
    REFUSES("a.csv", "prompt,seed\nx,seven\n", "a.csv:2: \"seed\" is \"seven\", not a whole number");
    REFUSES("a.csv", "prompt,id\nx,../up\n", "a.csv:2: id '../up' has '/' in it");
    REFUSES("a.csv", "prompt,id\nx,a\n\"y\nz\",a\n", "a.csv:3: id 'a' stands twice, first in line 2");
    REFUSES("a.csv", "prompt,id,id\nx,a,b\n", "two columns are called 'id'");
    REFUSES("a.csv", "prompt\n", "no prompts in it");
    REFUSES("a.csv", "", "no prompts in it");
}

Test(prompt_rows, bytes_that_are_no_text_are_refused) {
    REFUSES("a.csv", "\xff\xfep\0r\0", "UTF-16; save it as UTF-8");
    REFUSES("a.csv", "p\0r\0", "a.csv:1: a zero byte");
    REFUSES("a.txt", "good\ncaf\xe9\n", "a.txt:2: byte 0xe9 is not UTF-8");
    REFUSES("a.xyz", "hello\n", "what prompts are these?");
}

Test(prompt_rows, the_prompts_column_is_found_or_asked_for) {
    READS("a.csv", "url,caption\nu,x\n", "p0001=x");
    READS("a.csv", "caption,prompt\nc,x\n", "p0001=x");
    READS("a.jsonl", "{\"text\": \"x\", \"id\": 3}\n{\"text\": \"y\", \"id\": null}\n", "3=x; p0002=y");
    READS_BY("a.csv", "alt", "alt,prompt\nx,p\n", "p0001=x");
    READS_BY("a.jsonl", "alt", "{\"alt\": \"x\", \"prompt\": \"p\"}", "p0001=x");
    REFUSES("a.csv", "text,caption\nc,x\n",
            "the prompts may be column 'caption' or 'text': choose by --prompt-column NAME");
    REFUSES("a.csv", "url,captoin\nc,x\n", "no column 'prompt' or 'caption'; the closest is 'captoin'");
    REFUSES("a.csv", "url,alt\nc,x\n", "the first row names url, alt (--prompt-column NAME chooses)");
    cr_assert(strstr(show("a.csv", "caption\nx\n", 10, "captoin"), "no column 'captoin'; the closest is 'caption'"));
    cr_assert(strstr(show("a.txt", "x\n", 2, "text"), "plain text has no column 'text'"));
    REFUSES("a.jsonl", "{\"text\": \"x\"}\n{\"text\": 4}\n", "a.jsonl:2: \"text\": not a text");
}

Test(prompt_rows, plain_text_is_a_prompt_a_line) {
    READS("a.txt", "a red shirt\r\n\n  a hat, {blue|red} \n", "p0001=a red shirt; p0002=a hat, {blue|red}");
    READS("a.txt", "{\"id\": \"a\", \"prompt\": \"x\"}\n", "a=x");
    READS("a.txt", "{blue|red} shirt\n", "p0001={blue|red} shirt");
}

Test(prompt_rows, coco_gives_each_images_first_caption) {
    READS("a.json",
          "{\"images\": [{\"id\": 9, \"file_name\": \"9.jpg\"}, {\"id\": 4}, {\"id\": 5}], \"annotations\": ["
          "{\"id\": 8, \"image_id\": 4, \"caption\": \"late\"}, {\"id\": 3, \"image_id\": 4, \"caption\": \"early\"},"
          "{\"id\": 1, \"image_id\": 9, \"caption\": \"nine\"}]}",
          "9=nine; 4=early");
    READS("a.json",
          "{\"annotations\": [{\"image_id\": \"b\", \"caption\": \"x\"}, {\"image_id\": \"a\", \"caption\": \"y\"}]}",
          "b=x; a=y");
    REFUSES("a.json",
            "{\"images\": [{\"id\": 9}], \"annotations\": [{\"id\": 1, \"image_id\": 4, \"caption\": \"x\"}]}",
            "a.json: annotation 1: of image '4', which \"images\" lacks");
    REFUSES("a.json", "{\"images\": [], \"annotations\": [{\"id\": 1, \"image_id\": 4, \"bbox\": [1]}]}",
            "no column is called prompt, caption");
    REFUSES("a.json",
            "{\"images\": [{\"id\": 1}, {\"id\": 1}], \"annotations\": [{\"image_id\": 1, \"caption\": \"x\"}]}",
            "image '1' is listed twice");
    REFUSES("a.json", "{\"annotations\": [{\"image_id\": \"a/b\", \"caption\": \"x\"}]}",
            "a.json: entry 1: id 'a/b' has '/' in it");
    REFUSES("a.json", "{\"images\": [],\n\"annotations\": [}\n", "a.json:2: not JSON");
}

Test(prompt_rows, json_may_be_a_list) {
    READS("a.json", "[{\"id\": 7, \"caption\": \"x\"},\n {\"caption\": \"y\"}]", "7=x; p0002=y");
    REFUSES("a.json", "[{\"id\": 7, \"caption\": \"x\"}, 4]", "entry 2");
    READS("a.json",
          "{\"id\": \"a\", \"prompt\": \"x\"}\n{\"id\": \"b\", \"prompt\": \"y\", \"seed\": 18446744073709551615}\n",
          "a=x; b=y|-1");
}

Test(prompt_rows, a_set_says_which_it_is) {
    static const char text[] =
        "{\"kind\": \"set\", \"set\": \"mine\", \"version\": 3, \"count\": 1}\n"
        "{\"id\": \"a\", \"prompt\": \"x\", \"shot\": \"headshot\", \"tokens\": {\"clip\": 3}}\n";
    cm_prompt_set set;
    scratch_write("set.jsonl", text, sizeof text - 1);
    cr_assert_eq(cm_prompt_set_read(scratch("set.jsonl"), NULL, &arena, &set), CM_OK, "%s", cm_why());
    cr_assert_eq(set.count, 1);
    cr_assert_eq(set.version, 3);
    cr_assert_eq(set.prompts[0].clip_tokens, 3);
    cr_assert_eq(set.prompts[0].line, 2);
    REFUSES("a.jsonl", "{\"kind\": \"set\", \"set\": \"x\", \"versoin\": 1}\n{\"prompt\": \"x\"}\n",
            "a.jsonl: a set's first line: unknown key \"versoin\"; the closest is \"version\"");
    REFUSES("a.jsonl", "{\"kind\": \"set\", \"set\": \"x\", \"version\": 1}\n", "no prompts in it");
}

static size_t faults;
static char last_fault[500];
static void count_fault(void *arg, size_t line, const char *why) {
    (void)arg, (void)line;
    faults++;
    snprintf(last_fault, sizeof last_fault, "%s", why);
}

Test(prompt_rows, faults_can_be_told_one_by_one) {
    static const char text[] =
        "{\"id\": \"a\", \"prompt\": \"x\"}\n{\"id\": \"a\", \"prompt\": \"y\"}\n{\"id\": \"a\n{\"id\": "
        "\"a/b\", \"prompt\": \"x\"}\n"
        "{\"id\": \"c\", \"prompt\": \"red shirt\", \"groups\": [{\"group\": 6, \"text\": "
        "\"hat\"}]}\n{\"id\": \"d\", \"prompt\": \"z\"}\n";
    cm_prompt_set set;
    scratch_write("bad.jsonl", text, sizeof text - 1);
    const cm_prompt_reading how = {.fault = count_fault};
    cr_assert_eq(cm_prompt_set_read(scratch("bad.jsonl"), &how, &arena, &set), CM_OK, "%s", cm_why());
    cr_assert_eq(set.count, 2);
    cr_assert_eq(faults, 4);
    cr_assert(strstr(last_fault, "bad.jsonl:5: the prompt does not contain the phrase 'hat'"), "%s", last_fault);
    cr_assert_str_eq(set.prompts[1].id, "d");
}

/* Every allocation of a reader fails once: never is the file at fault, and never a row lost. */
Test(prompt_rows, an_allocation_that_fails_is_told_as_such) {
    static const char *const files[][2] = {
        {"a.jsonl", "{\"caption\": \"x\", \"id\": 3}\n{\"caption\": \"y\"}\n"}, /* first: it watches the library's */
        {"a.csv", "id,prompt,seed,url\na,x,7,u\nb,\"y, z\",,\n"},
        {"a.json", "{\"images\": [{\"id\": 4}], \"annotations\": [{\"id\": 1, \"image_id\": 4, \"caption\": \"x\"}]}"},
        {"b.txt", "x\ny\n"}};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++)
        for (int aligned = 0; aligned < 2; aligned++) {
            cm_status s = CM_ENOMEM;
            cm_prompt_rows rows = {0};
            long n = 0;
            scratch_write(files[f][0], files[f][1], strlen(files[f][1]));
            for (; s == CM_ENOMEM && n < 1000; n++) {
                cm_arena fresh;
                cm_arena_init(&fresh, 256);
                const char *path = scratch(files[f][0]);
                long *const fails = aligned ? &cm_test_fail_once : &cm_test_fail_malloc;
                *fails = n;
                s = cm_prompt_rows_read(path, NULL, &fresh, &rows);
                *fails = -1;
                cr_assert(s == CM_OK || s == CM_ENOMEM, "%s, allocation %ld: %s", files[f][0], n, cm_why());
                cm_prompt_rows_close(&rows);
                cm_arena_free(&fresh);
            }
            cr_expect(s == CM_OK && n > 2, "%s: %ld", files[f][0], n);
        }
}
