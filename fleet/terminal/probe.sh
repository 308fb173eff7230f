# probe and collect: read what the running client says. Nothing is changed.

fact_prefix=''

# probe COMMAND EXPECTED: `key=value` lines become facts; every line of EXPECTED must be among them.
probe() {
  ask "$1" || fail_command probe-failed
  facts=$newline
  each_line tell_fact "$text"
  each_line expect_fact "$2"
}

# measure COMMAND: what the client says that is about to be replaced, each fact with `before_` in front. A client that is
# not there, cannot say, or is the new one already is no trouble: there is no measurement then.
measure() {
  [ -n "$live" ] || return 0
  case $live in
    "${release:-}" | "${release:-}.r") return 0 ;;
  esac
  if ! ask "$1"; then
    report_log "the client that is live here could not be measured: exit $code"
    return 0
  fi
  facts=$newline
  fact_prefix=before_
  each_line tell_fact "$text"
  fact_prefix=''
}

tell_fact() {
  case $1 in
    [a-z]*=*) ;;
    *) return 0 ;;
  esac
  case ${1%%=*} in
    *[!a-z0-9_]*) return 0 ;;
  esac
  facts="$facts$1$newline"
  hold "fact $fact_prefix${1%%=*} ${1#*=}"
}

expect_fact() {
  case $facts in
    *"$newline$1$newline"*) ;;
    *) fail unexpected-fact "expected $1" ;;
  esac
}

# collect NAME COMMAND ...: each command's first line under its name.
collect() {
  while [ $# -gt 0 ]; do
    ask "$2" || fail_command command-failed
    hold "fact $1 ${text%%"$newline"*}"
    shift 2
  done
}
