# $before and $after are `fdnix status --json` of two indexes. Prints a table, or fails if too much was lost.
($before[0].index) as $b
| ($after[0].index) as $a
| ($a.packages / $b.packages) as $kept
| if ($kept >= 0.7 | not) then error("from \($b.packages) to \($a.packages) packages: more than 30 % lost") else . end
| (if ($a.options // 0) < 0.7 * ($b.options // 0) then error("from \($b.options) to \($a.options // 0) options: more than 30 % lost") else . end)
| (if $kept < 0.9 then "**More than 10 % of the packages are gone.**", "" else empty end),
  "| | before | after |",
  "|---|---|---|",
  "| revision | \($b.revision[:12]) | \($a.revision[:12]) |",
  "| packages | \($b.packages) | \($a.packages) |",
  "| options | \($b.options // 0) | \($a.options // 0) |",
  "| vectors | \($b.vectors) | \($a.vectors) |"
