# zsh complete.zsh SCRIPT LINE: what an interactive zsh with the completions in SCRIPT makes of LINE when Tab is pressed.
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell "RPROMPT=; autoload -Uz compinit; compinit -D -u; setopt menu_complete; . $1"
zpty -w shell 'fdnix() { print -r -- "have" "this: <$*>" }; PROMPT="rea%{%}dy"'
zpty -r shell answer '*ready*' || exit 3
zpty -w -n shell "$2"$'\t\n'
zpty -r shell answer '*have this: <*>*' || exit 4
print -r -- "${${answer##*have this: <}%%>*}"
zpty -d shell
