// SPDX-License-Identifier: Apache-2.0
/* How the page looks, and the one script that it may run: it sorts tables. Without it nothing is lost. */
#ifndef CM_REPORTS_PAGE_LOOK_H
#define CM_REPORTS_PAGE_LOOK_H

/* In pieces, since C promises strings of 4095 bytes only. On narrow screens a table's row becomes a list of titles and
 * values; its head stays there for screen readers. */
#define CM_PAGE_STYLE_BODY                                                                                             \
    ":root{--ink:#17212b;--soft:#55626f;--line:#d8dee4;--wash:#f3f6f8;--mark:#0b5c7a;--miss:#b03a2e;--accent:#0b5c7a}" \
    "*{box-sizing:border-box}html{scroll-behavior:smooth}"                                                             \
    "body{margin:0;font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu "                                  \
    "Sans',sans-serif;color:var(--ink);background:#fff}"                                                               \
    "header{background:var(--wash);border-bottom:1px solid var(--line)}header>div,main{max-width:1340px;margin:0 "     \
    "auto;padding:1.2rem 1rem}"                                                                                        \
    "h1{font-size:1.75rem;line-height:1.2;margin:.2rem 0}h2{font-size:1.25rem;margin:2.4rem 0 "                        \
    ".6rem;border-bottom:2px solid var(--line);padding-bottom:.25rem}"                                                 \
    "h3{font-size:1.05rem;margin:1.6rem 0 .4rem}p{max-width:75ch;margin:.55rem 0;overflow-wrap:anywhere}"              \
    "p.lead{font-size:1.06rem;border-left:4px solid var(--accent);padding:.1rem 0 .1rem .8rem}"                        \
    ".soft{color:var(--soft);font-size:.875rem}a{color:var(--accent)}td a,th "                                         \
    "a{color:inherit;text-decoration:none;border-bottom:1px dotted var(--line)}"                                       \
    "nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;padding:0;margin:.7rem 0 0;font-size:.9rem}"  \
    ".wide{overflow-x:auto;margin:.8rem 0 "                                                                            \
    ".4rem}table{border-collapse:collapse;font-size:.86rem;min-width:min(100%,36rem)}"                                 \
    "caption{text-align:left;font-weight:600;padding:0 0 .4rem;max-width:75ch}"                                        \
    "th,td{padding:.36rem .42rem;text-align:right;white-space:nowrap;border-bottom:1px solid "                         \
    "var(--line);vertical-align:top;font-variant-numeric:tabular-nums}"                                                \
    "thead th{background:var(--wash);font-weight:600;border-bottom:2px solid var(--line);vertical-align:bottom}tbody " \
    "th{font-weight:600}"                                                                                              \
    "th:first-child,td:first-child,td.l,th.l{text-align:left}td.l,tbody "                                              \
    "th{white-space:normal;overflow-wrap:break-word;min-width:5em}tbody th.said{min-width:10em}"                       \
    "td small,th small{display:block;color:var(--soft);font-size:.82em;font-weight:400}td.l small,th "                 \
    "small{max-width:34em}"                                                                                            \
    "tr.theirs td,tr.theirs th{color:var(--soft);font-style:italic}td "                                                \
    "b{color:var(--mark)}sup{line-height:0}td.none{color:var(--soft);font-size:.9em;white-space:normal}td.none["       \
    "colspan]{text-align:left}"                                                                                        \
    "th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-align:inherit}"       \
    "th[aria-sort=ascending] button::after{content:' \\25B4'}th[aria-sort=descending] button::after{content:' "        \
    "\\25BE'}"

#define CM_PAGE_STYLE_IMAGES                                                                                           \
    ".grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(340px,100%),1fr));align-items:"     \
    "start}"                                                                                                           \
    "figure{margin:0;border:1px solid "                                                                                \
    "var(--line);border-radius:8px;padding:.7rem;break-inside:avoid;scroll-margin-top:1rem}figure:target{outline:3px " \
    "solid var(--accent)}figure.many{grid-column:1/-1}"                                                                \
    ".arms{display:flex;gap:.5rem}.arms>div{flex:1 1 "                                                                 \
    "0;min-width:0;font-size:.8rem;color:var(--soft);overflow-wrap:anywhere}"                                          \
    ".arms strong{display:block;color:var(--ink);font-weight:600;margin:.2rem 0}.arms "                                \
    "ul{list-style:none;margin:.2rem 0 0;padding:0;line-height:1.3}.arms li+li{color:var(--miss);border-top:1px "      \
    "dotted var(--line);margin-top:.15rem;padding-top:.15rem}"                                                         \
    ".arms img{width:100%;display:block;border-radius:4px;background:var(--wash)}"                                     \
    ".maps{flex-wrap:wrap}.maps strong{font-weight:400}.maps>div{flex:0 0 calc(20% - "                                 \
    ".4rem);font-size:.7rem;line-height:1.25}"                                                                         \
    "figcaption{font-size:.82rem;line-height:1.4;margin-top:.5rem;overflow-wrap:anywhere}"                             \
    ".ramp{display:block;width:min(100%,22rem);height:.9rem;border-radius:3px;background:linear-gradient(to "          \
    "right,#140b35,#942c80,#f6824c,#fcfdbf)}"                                                                          \
    ".ends{display:flex;justify-content:space-between;width:min(100%,22rem);margin:0}"                                 \
    "img.plot{max-width:100%;height:auto}details{margin:1rem 0}summary{cursor:pointer;color:var(--soft);margin:1rem "  \
    "0}"                                                                                                               \
    "footer{border-top:1px solid var(--line);margin-top:3rem}"

#define CM_PAGE_STYLE_MEDIA                                                                                            \
    "@media screen and (max-width:760px){h1{font-size:1.4rem}table,tbody,tr,td,caption,tbody th{display:block}"        \
    "thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"                               \
    "tbody tr{border:1px solid var(--line);border-radius:8px;margin:0 0 .8rem;overflow:hidden}"                        \
    "tbody "                                                                                                           \
    "th{background:var(--wash)}td,td:first-child,td.l,td.none{text-align:right;white-space:normal;border-bottom:1px "  \
    "dotted var(--line);min-width:0}"                                                                                  \
    "tr>:last-child{border-bottom:0}td::before{content:attr(data-title);float:left;color:var(--soft);margin-right:"    \
    "1rem;max-width:60%;text-align:left}"                                                                              \
    "td::after{content:'';display:block;clear:both}td.l "                                                              \
    "small{max-width:none}td:empty{display:none}td.none[colspan]{text-align:right}img.plot{max-width:none;width:"      \
    "660px}.maps>div{flex-basis:calc(33.3% - .4rem)}}"                                                                 \
    "@page{size:A4 landscape;margin:11mm}"                                                                             \
    "@media "                                                                                                          \
    "print{html{scroll-behavior:auto}body{font-size:9.5pt;line-height:1.4}header{background:none}header>div,main{max-" \
    "width:none;padding:0}nav,summary{display:none}"                                                                   \
    "h1{font-size:16pt}h2{font-size:12.5pt;margin-top:14pt}h2,h3,caption{break-after:avoid}.soft{font-size:8pt}p."     \
    "lead{font-size:10pt}img.plot{max-height:112mm;width:auto}p{max-width:none;orphans:3;widows:3}.wide{overflow:"     \
    "visible}"                                                                                                         \
    "table{font-size:7.4pt;min-width:0;width:100%}th,td{white-space:normal;padding:2pt 3pt}td.l,td.l small,tbody "     \
    "th,tbody th.said{min-width:0}td small,th small{font-size:.76em}td:not(.l)>small{white-space:nowrap}"              \
    "thead{display:table-header-group}tr{break-inside:avoid}a{color:inherit;text-decoration:none}td a,th "             \
    "a{text-decoration:none}"                                                                                          \
    ".grid{grid-template-columns:repeat(3,1fr);gap:6pt}figure{padding:4pt}.arms>div{font-size:6.6pt}figure.many "      \
    ".arms img{max-height:45mm;width:auto;max-width:100%}.arms strong{font-size:7pt}figcaption{font-size:6.8pt}"       \
    ".ramp{-webkit-print-color-adjust:exact}}"

/* No "<" in it: a page's tags are those of its renderer, as a test checks. */
#define CM_PAGE_SCRIPT                                                                                                 \
    "(function(){function v(r,i){var c=r.cells[i];if(!c)return null;var s=c.getAttribute('data-sort');"                \
    "return s===null?(c.textContent.trim()||null):Number(s)}"                                                          \
    "function cmp(a,b,up){if(a===null||b===null)return a===b?0:a===null?1:-1;var n=typeof a,m=typeof b;"               \
    "if(n!==m)return n==='number'?-1:1;var d=n==='number'?a-b:a.localeCompare(b);return up?d:-d}"                      \
    "document.querySelectorAll('table').forEach(function(t){var b=t.tBodies[0],h=t.tHead.rows[0].cells;"               \
    "if(3>b.rows.length)return;Array.prototype.forEach.call(h,function(c,i){var k=document.createElement('button');"   \
    "k.type='button';k.title='sort by this column';while(c.firstChild)k.appendChild(c.firstChild);c.appendChild(k);"   \
    "k.addEventListener('click',function(){var up=c.getAttribute('aria-sort')!=='ascending';"                          \
    "Array.prototype.forEach.call(h,function(o){o.removeAttribute('aria-sort')});"                                     \
    "c.setAttribute('aria-sort',up?'ascending':'descending');Array.prototype.slice.call(b.rows).sort(function(x,y){"   \
    "return cmp(v(x,i),v(y,i),up)}).forEach(function(r){b.appendChild(r)})})})})})();"

_Static_assert(sizeof CM_PAGE_STYLE_BODY <= 4096, "a string of C's promised length");
_Static_assert(sizeof CM_PAGE_STYLE_IMAGES <= 4096, "a string of C's promised length");
_Static_assert(sizeof CM_PAGE_STYLE_MEDIA <= 4096, "a string of C's promised length");
_Static_assert(sizeof CM_PAGE_SCRIPT <= 4096, "a string of C's promised length");

#endif
