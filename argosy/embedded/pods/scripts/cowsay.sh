#!/bin/sh
# Stands in for the program of the image docker/whalesay: a whale that says what it is told.
text=$*
[ $# -gt 0 ] || text=$(cat)
line=$(printf '%s' "$text" | sed 's/./-/g')
printf ' %s \n< %s >\n %s \n' "-$line-" "$text" "-$line-"
cat <<'WHALE'
    \
     \
      \     .
       \  .":".
        \ _/ \__      ___
         (  o    \___/  /
          \____________/
WHALE
