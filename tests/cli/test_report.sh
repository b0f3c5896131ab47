# SPDX-License-Identifier: Apache-2.0
# report on records from elsewhere: nothing in them runs, signals end it at once, a browser finds nothing live.
suite=$root/tests/cli/mock_suite.json
sed 's/"count": 32/"count": 4/; s/"count": 16/"count": 4/' "$suite" >small.json
prints "a run to report on" "o/report.html" $cm bench -q --suite ./small.json --no-speed --count 4 --out o

# Names: by --name, by a suite, by records.
mark='`touch PWNED`'
says "a command as a name" 2 "score: --name '.touch PWNED.': a name has letters" $cm score --images o/images/hq --prompts people-64 --name "$mark" --out named
says "also with --metric" 2 "score: --name '-x'" $cm score --images o/images/hq --metric fid@clean --weights nano --name=-x --out named
sed "s/\"name\": \"base\"/\"name\": \"$mark\"/; s/\"hq\", \"base\"/\"hq\", \"$mark\"/" small.json >bad.json
says "in a suite" 1 "bad.json: arm '.touch PWNED.'" $cm bench -q --suite ./bad.json --out named
cp small.json 'a;b.json'
says "as a suite's file" 1 "suite 'a;b'" $cm bench -q --suite './a;b.json' --out named
cp -r o bad
printf '{"kind":"score","arm":"hq","score":"x\\nEOD\\nsystem \\"touch PWNED\\"\\n","value":1}\n' >>bad/records.jsonl
lines=$(wc -l <bad/records.jsonl)
says "in records" 1 "bad/records.jsonl:$lines: score 'x.EOD" $cm report bad
sed -i '/"kind":"done"/d' bad/records.jsonl
says "a run does not go on from them" 1 "bad/records.jsonl:$((lines - 1)): score" $cm bench -q --suite ./small.json --no-speed --count 4 --out bad
printf '{"kind":"run","shard":{"index":1,"of":1},"arms":[{"name":"<b>"}]}\n' >bad/records.jsonl
says "merge refuses them" 1 "bad/records.jsonl:1: arm '<b>'" $cm merge --out merged bad
absent "nothing ran" PWNED o/PWNED o/plots/PWNED bad/plots/PWNED

# A folder's own name, a start-up file and the environment do not reach gnuplot.
cp -r o "it's \"\`touch PWNED\`\""
mkdir -p home
echo 'system "touch PWNED"; set output "PWNED"' >home/.gnuplot
says "an odd folder, somebody's start-up file" 0 "report.html" env HOME="$PWD/home" GNUTERM=png GNUPLOT_LIB="$PWD/home" $cm report "it's \"\`touch PWNED\`\""
absent "neither ran" PWNED "it's \"\`touch PWNED\`\"/plots/PWNED"
if command -v gnuplot >/dev/null; then holds "it has its plots" test -s "it's \"\`touch PWNED\`\"/plots/scores.svg"; fi

# A later version's keys are not read, and told of once.
sed 's/"version":"[^"]*"/"version":"9.9.9"/; s/^{/{"zz_later":1,/' o/records.jsonl >later.jsonl
cp -r o later && mv later.jsonl later/records.jsonl
says "a later version's keys" 0 "later/records.jsonl: [0-9]+ records with keys .* \"zz_later\" among them; they were written by version 9.9.9" $cm report later

# A torn last line is left out, a broken one is an error with its number.
cp -r o torn
printf '{"kind":"image","suite":"mo' >>torn/records.jsonl
says "a torn last line" 0 "warning: torn/records.jsonl:$((lines)): the last line is not whole" $cm report torn
printf 'x}\n{' >>torn/records.jsonl
says "a broken line" 1 "torn/records.jsonl:$lines: not JSON" $cm report torn

# Templates and formats; the same records give the same bytes.
says "all formats that need nothing else" 0 "o/report.tex" $cm report o --format html,md,csv,json,latex
cp o/report.html o/report.md o/report.json o/report.tex .
says "again" 0 "" $cm report -q o --format html,md,json,latex
for f in report.html report.md report.json report.tex; do holds "$f is the same" cmp "$f" "o/$f"; done
says "the paper" 0 "o/paper.md" $cm report o --template paper --format md
holds "its rows beside ours" grep -q '| SD 1.5, pretrained | .*48.09 | 87.3 |' o/paper.md
says "a model card" 0 "o/model-card.md" $cm report o --template model-card --format md
says "an unknown template" 2 "report: .*--template: 'papr' is none of full, paper, model-card; the closest is 'paper'|--template: 'papr'.* the closest is 'paper'" $cm report o --template papr
says "an unknown format" 2 "--format: 'docx' is none of html, md, csv, json, latex, pdf" $cm report o --format html,docx
mkdir -p bare && ln -sf "$(command -v gnuplot || command -v true)" bare/gnuplot
says "no program for PDF" 1 "neither pdflatex nor chromium is installed; ./setup --pdf" env PATH="$PWD/bare" "$cm" report o --format pdf

# PDF by what is here, to the same bytes; a program that fails leaves it to the next, and no half file.
if command -v pdflatex >/dev/null || command -v chromium >/dev/null; then
    says "PDF" 0 "o/model-card.pdf" $cm report o --template model-card --format pdf
    holds "it is one" grep -aq '^%PDF-' o/model-card.pdf
    cp o/model-card.pdf first.pdf
    says "again" 0 "" $cm report -q o --template model-card --format pdf
    holds "the same bytes" cmp first.pdf o/model-card.pdf
fi
mkdir -p failing && printf '#!/bin/sh\nexit 1\n' >failing/pdflatex && cp failing/pdflatex failing/chromium && chmod +x failing/*
ln -sf /bin/sh failing/sh
rm -f o/model-card.pdf
says "programs that fail" 1 "model-card.pdf: pdflatex failed" env PATH="$PWD/failing" "$cm" report o --template model-card --format pdf
absent "no half PDF" o/model-card.pdf

# Records of a later format and of two runs are refused.
mkdir -p newer two
printf '{"kind":"run","format":99,"suite":"s","version":"9.1.0","arms":[]}\n' >newer/records.jsonl
says "a newer format" 1 "newer/records.jsonl: records of format 99, and version [0-9.]+ reads up to 3: use version 9.1.0" $cm report newer
{ head -1 o/records.jsonl; cat o/records.jsonl; } >two/records.jsonl
says "two runs in one file" 1 "two/records.jsonl: two lines of kind .run.: records of two runs in one file" $cm report two
absent "nothing is written of them" newer/report.html two/report.html two/scores.csv

# Signals: while lines are read, and while gnuplot draws. stops NAME COMMAND...: ends within a second of SIGTERM, as a
# stopped command does, and leaves no unfinished file
stops() {
    local name=$1 pid waited=0
    shift
    "$@" >/dev/null 2>said &
    pid=$!
    sleep 0.3
    kill -TERM $pid 2>/dev/null
    while kill -0 $pid 2>/dev/null && [ $waited -lt 20 ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
    wait $pid
    local code=$?
    if [ $waited -ge 20 ]; then fail "$name: still running after two seconds"; elif [ $code -eq 0 ]; then fail "$name: it was done before"; else pass; fi
    holds "$name: says so" grep -q "stopped" said
}
mkdir -p many slow
head -1 o/records.jsonl >many/records.jsonl
yes '{"kind":"image","arm":"hq","id":"p0001","prompt":"a woman","picture":"images/hq/p0001.png","seed":1}' | head -800000 >>many/records.jsonl
stops "many records" "$cm" report many
absent "nothing is half written" many/report.html many/scores.csv many/report.html.part
rm -f many/records.jsonl
printf '#!/bin/sh\nexec sleep 60.25\n' >slow/gnuplot
chmod +x slow/gnuplot
rm -f o/report.html o/plots/*.svg
stops "gnuplot at work" env PATH="$PWD/slow:$PATH" "$cm" report o
holds "gnuplot has ended too" sh -c "! ps -eo args | grep -q '^[s]leep 60.25$'"
holds "no half picture" test -z "$(find o -name '*.svg*' -o -name '*.part*' -o -name 'report.html')"
says "it is made whole later" 0 "report.html" $cm report o
printf '#!/bin/sh\nexit 1\n' >slow/gnuplot
says "a gnuplot that fails" 0 "report.html" env PATH="$PWD/slow:$PATH" $cm report o
holds "the page says so" grep -q "Not every plot is drawn: .*gnuplot failed" o/report.html

# A browser, where there is one: texts that try to be markup are text.
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -n "$browser" ]; then
    mkdir -p live
    bad="\\\"'><script>document.title='OWNED'</script><img src=x onerror=document.title='OWNED'><svg onload=document.title='OWNED'>"
    {
        printf '{"kind":"run","suite":"s","prompts":"%s","started":"%s","arms":[{"name":"hq","about":"%s"}]}\n' "$bad" "$bad" "$bad"
        printf '{"kind":"image","arm":"hq","id":"1","prompt":"%s","picture":"x"}\n' "$bad"
        printf '{"kind":"speed","model":"%s","backend":"%s","stage":"%s","median_s":1}\n' "$bad" "$bad" "$bad"
        printf '{"kind":"sgemm","backend":"%s","gflops":1}\n' "$bad"
    } >live/records.jsonl
    says "a page of markup" 0 "" $cm report -q live
    sed 's/<meta http-equiv="Content-Security-Policy"[^>]*>//' live/report.html >live/open.html # without its second line of defence
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/browser" --dump-dom "file://$PWD/live/open.html" >dom 2>/dev/null
    if [ -s dom ]; then
        holds "the page is there" grep -q '<h1>' dom
        holds "no script ran" sh -c "! grep -q '<title>OWNED' dom"
        holds "no element came of a text" sh -c "sed 's/<script>(function[^<]*<.script>//; s/=\\\"[^\\\"]*\\\"/=/g' dom | { ! grep -qE '<(script|svg|iframe)|<[^>]* on[a-z]+=[^>]*>'; }"
    fi
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/browser" --dump-dom "file://$PWD/o/report.html" >dom 2>/dev/null
    if [ -s dom ]; then
        holds "the page's policy lets its own script sort tables" grep -q '<th scope="col"[^>]*><button type="button"' dom
    fi
fi
