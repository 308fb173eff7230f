# bind-key: the terminal's own key. A private half never leaves the terminal.

# key_holds: the key was born here before.
key_holds() {
  [ -f keys/terminal ] && [ -f keys/terminal.pub ]
}

# bear_key: generate the key unless it is here, and report its public half.
bear_key() {
  if ! key_holds; then
    umask 077
    [ -d keys ] || tool mkdir keys
    tool rm -f keys/new keys/new.pub
    if command -v ssh-keygen >/dev/null; then
      tool ssh-keygen -q -t ecdsa -b 256 -N '' -C '' -f keys/new
    elif command -v openssl >/dev/null; then
      tool openssl ecparam -name prime256v1 -genkey -noout -out keys/new
      words=$(openssl ec -in keys/new -pubout -outform DER 2>/dev/null | openssl base64 -A) || trouble "$words"
      tool write_public "$words"
    else
      fail tool-missing 'ssh-keygen or openssl'
    fi
    umask 022
    unsettled="$unsettled keys/new keys/new.pub"
    settle
    # The public half first: a private half without it is made anew.
    tool mv keys/new.pub keys/terminal.pub
    tool mv keys/new keys/terminal
    unsettled="$unsettled keys"
  fi
  tell_key
}

write_public() {
  printf 'spki %s\n' "$1" >keys/new.pub
}

# tell_key: report the public half.
tell_key() {
  public=''
  read -r public <keys/terminal.pub || :
  hold 'key source born-here'
  hold "key public $public"
}

# read_key SOURCE COMMAND: report the number and check value of a key that somebody else keeps.
read_key() {
  ask "$2" || fail_command command-failed
  hold "key source $1"
  each_line tell_key_value "$text"
}

tell_key_value() {
  case $1 in
    number=*) hold "key number ${1#*=}" ;;
    check=*) hold "key check ${1#*=}" ;;
  esac
}
