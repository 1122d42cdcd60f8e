# Runs the bundled programs as a user does, over the small nixpkgs of the tests. The check of that name sources this file.
export HOME=$TMPDIR
expect() { # STATUS COMMAND...
  local wanted=$1 status=0
  shift
  "$@" || status=$?
  [ "$status" = "$wanted" ] || { echo "$* ended with $status, not $wanted" >&2; exit 1; }
}

[ "$(fdnix --version)" = "$version" ]
for program in fdnix extract embed search; do $program --help | grep -q "$program"; done
test -s "$fdnix/share/man/man1/fdnix.1"
grep -q _fdnix "$fdnix/share/bash-completion/completions/fdnix"

expect 0 extract --output packages.jsonl
expect 0 jq -en 'first(inputs | select(.packageName == "hello")) | .pname == "hello"' packages.jsonl
expect 0 search --json hello > hits
head -1 hits | expect 0 jq -e '.packageName == "hello"'
expect 1 search zzqqxxyy
search oldSearch 2>&1 | grep -q "renamed to/replaced by 'ripgrep'"
expect 2 fdnix nonsense 2> error
[ "$(wc -l < error)" = 1 ]

# The comparison of two indexes by the workflow that moves the pin.
compare() { jq -rn -f "$compare" --argjson before "[$1]" --argjson after "[$2]"; }
of() { echo "{\"index\": {\"revision\": \"0123456789abcdef\", \"packages\": $1, \"vectors\": $1, \"options\": ${2:-0}}}"; }
compare "$(of 100)" "$(of 99)" | grep -q '^| packages | 100 | 99 |'
compare "$(of 100)" "$(of 85)" | grep -q 'More than 10 %'
expect 5 compare "$(of 100)" "$(of 69)"
expect 5 compare "$(of 100 10)" "$(of 100 6)"
fdnix status --index "$FDNIX_INDEX" --json > status || [ $? = 1 ]
expect 0 jq -e '.index.packages > 0 and .index.vectors > 0 and (.index.revision | length) == 40' status

touch "$out"
