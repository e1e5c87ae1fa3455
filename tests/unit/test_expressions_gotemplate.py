"""Text templates render what Go's text/template with sprig renders: each case was also run there."""

from datetime import UTC, datetime

import pytest

from argosy.expressions import ExpressionError, render

BODY = {
    "name": "ann",
    "xs": [1.0, 2.0, 3.0],
    "n": 5.0,
    "f": 1.5,
    "big": 12345678.0,
    "m": {"b": 1.0, "a": 2.0},
    "e": "",
    "t": True,
    "nul": None,
    "html": "<a&b>",
}
DATA = {"Input": {"body": BODY}}
# A template, and the text it becomes.
CASES = [
    ("{{ .Input.body.name | upper }}", "ANN"),
    ("{{ .Input.body.xs }}", "[1 2 3]"),
    ("{{ .Input.nope }}", "<no value>"),
    ("{{ .Input.nope.x }}", "<no value>"),
    ("{{ .nope.x.y }}", "<no value>"),
    ('{{if eq .Input.body.name "ann"}}yes{{else}}no{{end}}', "yes"),
    ('{{if ne .Input.body.name "ann"}}yes{{else if eq .Input.body.n 5.0}}five{{else}}no{{end}}', "five"),
    ("{{if .Input.body.e}}a{{else}}b{{end}}", "b"),
    ("{{if and .Input.body.t .Input.body.e}}a{{else}}b{{end}}", "b"),
    ("{{if or .Input.body.e .Input.body.t}}a{{else}}b{{end}}", "a"),
    ("{{if not .Input.body.e}}a{{end}}", "a"),
    ("{{if gt .Input.body.n 3.0}}a{{end}}", "a"),
    ("{{if lt 1 2}}a{{end}}", "a"),
    ("{{if eq 1 1 2}}a{{end}}", "a"),
    ("{{if eq 3 1 2}}a{{else}}b{{end}}", "b"),
    ("{{range .Input.body.xs}}{{.}},{{end}}", "1,2,3,"),
    ("{{range $i, $x := .Input.body.xs}}{{$i}}={{$x}};{{end}}", "0=1;1=2;2=3;"),
    ("{{range $x := .Input.body.xs}}{{$x}};{{end}}", "1;2;3;"),
    ("{{range $k, $v := .Input.body.m}}{{$k}}={{$v}};{{end}}", "a=2;b=1;"),
    ("{{range .Input.body.nul}}x{{else}}none{{end}}", "none"),
    ("{{range .Input.nope}}x{{else}}none{{end}}", "none"),
    ("{{with .Input.body}}{{.name}} {{$.Input.body.n}}{{end}}", "ann 5"),
    ("{{with .Input.nope}}x{{else}}none{{end}}", "none"),
    ("{{with $x := .Input.body.name}}{{$x}}{{.}}{{end}}", "annann"),
    ('{{- "a" -}}   b   {{- "c" -}}', "abc"),
    ("  {{- /* comment */ -}}  x", "x"),
    ("{{/* comment */}}y", "y"),
    ('{{printf "%s %v %d %q %t %5.2f %x %%" "a" 1.5 3 "q" true 3.14159 255}}', 'a 1.5 3 "q" true  3.14 ff %'),
    ('{{printf "%d" .Input.body.n}}', "%!d(float64=5)"),
    ('{{printf "%v|%5v|%-5v|" "a" "b" "c"}}', "a|    b|c    |"),
    ('{{printf "%05d|%+d|%8.3f|%e|%g" 42 5 3.14159 1234.5 1.5}}', "00042|+5|   3.142|1.234500e+03|1.5"),
    ('{{printf "%s" 5}}', "%!s(int=5)"),
    ('{{printf "%d"}}', "%!d(MISSING)"),
    ('{{printf "a" 1}}', "a%!(EXTRA int=1)"),
    ("{{index .Input.body.xs 1}}", "2"),
    ('{{index .Input.body.m "b"}}', "1"),
    ('{{index .Input "body" "name"}}', "ann"),
    ("{{len .Input.body.name}} {{len .Input.body.xs}} {{len .Input.body.m}}", "3 3 2"),
    ('{{print "a" 1 2 "b"}}|{{print 1 2}}|{{println "a" 1}}', "a1 2b|1 2|a 1\n"),
    ("{{$x := 1}}{{$x}}{{$x = 2}}{{$x}}", "12"),
    ("{{$x := 1}}{{if true}}{{$x := 5}}{{$x}}{{end}}{{$x}}", "51"),
    ("{{$x := 1}}{{if true}}{{$x = 5}}{{end}}{{$x}}", "5"),
    ("{{ (index .Input.body.xs 0) }}", "1"),
    ('{{ (index .Input "body").name }}', "ann"),
    ("{{ .Input.body.m | toJson }}", '{"a":2,"b":1}'),
    ('{{ default "d" .Input.body.e }}', "d"),
    ('{{ .Input.body.e | default "d" }}', "d"),
    ('{{ .Input.body.name | replace "n" "m" | title | quote }}', '"Amm"'),
    ('{{ list 1 2 3 | join "-" }}', "1-2-3"),
    ('{{ dict "a" 1 "b" 2 | toJson }}', '{"a":1,"b":2}'),
    ('{{ $d := dict "a" 1 }}{{ $_ := set $d "b" 2 }}{{ $d | toJson }}', '{"a":1,"b":2}'),
    ("{{range .Input.body.xs}}{{if eq . 2.0}}{{continue}}{{end}}{{.}}{{end}}", "13"),
    ("{{range .Input.body.xs}}{{if eq . 2.0}}{{break}}{{end}}{{.}}{{end}}", "1"),
    ("{{ 1 | add 2 }}", "3"),
    ("{{ add 1 2 3 }}", "6"),
    ("{{ .Input.body.n | int }}", "5"),
    ("{{ .Input.body.big | int64 }}", "12345678"),
    ("{{ .Input.body.big | toString }}", "1.2345678e+07"),
    ('{{ ternary "y" "n" .Input.body.t }}', "y"),
    ("text only", "text only"),
    ('{{"a"}}{{"b"}}', "ab"),
    ('a {{- "b" }}', "ab"),
    ('{{ and 1 0 }} {{ or 0 "x" }} {{ and 1 2 }}', "0 x 2"),
    ("{{ le 1 1 }} {{ ge 1 2 }}", "true false"),
    ('{{ lt "a" "b" }}', "true"),
    ("{{ range 3 }}{{.}}{{end}}", "012"),
    ("{{ .Input.body.name | trunc 2 }}", "an"),
    ('{{ "2024-05-31" | toDate "2006-01-02" | date "02 Jan 2006" }}', "31 May 2024"),
    ('{{ regexReplaceAll "a(n+)" "ann" "${1}x" }}', "nnx"),
    ("{{ .Input.body.html }}", "<a&b>"),
    ("{{ if .Input.body.xs }}{{ else }}{{ end }}x", "x"),
    ("{{ with .Input.body.name }}{{ . }}{{ end }}", "ann"),
    ("{{ if eq .Input.body.nul nil }}x{{end}}", "x"),
    ('{{ coalesce .Input.body.e "z" }}', "z"),
    ('{{ splitList "," "a,b" | first }}', "a"),
    ("{{ .Input.body.xs | first }}", "1"),
]
REFUSED = [
    "{{index .Input.body.xs 9}}",
    "{{$y}}",
    "{{ nope }}",
    "{{ if }}x{{end}}",
    "{{ end }}",
    "{{ range .Input.body.xs }}",
    "{{ .Input.body.name.x }}",
    "{{ .Input.body.xs.x }}",
    "{{break}}",
    '{{ "a" "b" }}',
    '{{ .Input.body.name "x" }}',
    '{{ upper "a" "b" }}',
    "{{",
    "{{ }}",
    "{{ .Input.body.name",
    '{{ "unclosed }}',
    "{{ not true }} {{ and }} ",
    '{{ lt 1 "a" }}',
    '{{ template "x" }}',
    "{{ len nil }}",
    "{{ len 5 }}",
    '{{ define "x" }}{{ end }}',
]


@pytest.mark.parametrize(("template", "expected"), CASES)
def test_a_template_becomes_what_go_makes_of_it(template: str, expected: str) -> None:
    assert render(template, DATA) == expected


@pytest.mark.parametrize("template", REFUSED)
def test_what_go_refuses_is_refused(template: str) -> None:
    with pytest.raises(ExpressionError):
        render(template, DATA)


def test_data_is_not_changed_by_set() -> None:
    data = {"m": {"a": 1}}
    assert render('{{ $_ := set .m "a" 2 }}{{ .m.a }}', data) == "2"
    assert data == {"m": {"a": 1}}


def test_the_present_time_is_handed_in() -> None:
    assert render('{{ now | date "2006-01-02" }}', None, now=datetime(2031, 5, 1, tzinfo=UTC)) == "2031-05-01"


def test_what_a_template_may_write_is_limited() -> None:
    with pytest.raises(ExpressionError, match="longer than"):
        render('{{ range until 100000 }}{{ repeat 1000 "x" }}{{ end }}', None)
