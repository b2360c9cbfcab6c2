# Words on the screen and in the log. Sentences come from /lib/vestibule/words/LANGUAGE, lines
# "key<TAB>sentence" with %1 and %2 for figures, already in the order in which they are drawn.

# log TEXT: to the kernel's log, and so to a serial console that asks for notices.
log() { echo "<5>vestibule-boot: $*" >/dev/kmsg; }

# stage NAME: a mark for measuring, with the seconds since the kernel started.
stage() {
  read -r up _ </proc/uptime
  log "stage $1 $up"
  echo "$1 $up" >>/run/vestibule/boot/stages
}

# read_options: vestibule.boot.* of the kernel command line, and the language.
read_options() {
  option_from=network option_servers= option_retry= option_slot= option_trial= option_reserve=384 language=en
  bootif=
  if [ -r /etc/vestibule/settings.json ]; then
    language=$(sed -n 's/.*"locale\.default" *: *"\([a-z]*\)".*/\1/p' /etc/vestibule/settings.json)
  fi
  read -r line </proc/cmdline
  for word in $line; do
    value=${word#*=}
    case $word in
    vestibule.boot.from=*) option_from=$value ;;
    vestibule.boot.servers=*) option_servers=$(echo "$value" | tr , ' ') ;;
    vestibule.boot.retry=*) option_retry=$(number "$value") ;;
    vestibule.boot.reserve=*) option_reserve=$(number "$value") ;;
    vestibule.boot.trial=*) option_trial=$(number "$value") ;;
    vestibule.boot.slot=a | vestibule.boot.slot=b) option_slot=$value ;;
    vestibule.locale.default=*) language=$value ;;
    BOOTIF=*) bootif=$(echo "$value" | sed 's/^01-//' | tr A-F- a-f:) ;;
    esac
  done
  case $language in en | fr | es | de | ar) ;; *) language=en ;; esac
}

# number TEXT: TEXT where it is a whole number of at most 9 digits, else nothing.
number() { echo "$1" | sed -n 's/^\([0-9]\{1,9\}\)$/\1/p'; }

# screen_open: the font for the kind of console that there is; again after graphics drivers loaded.
screen_open() {
  font=text
  for file in /sys/class/vtconsole/vtcon*; do
    [ "$(cat $file/bind)" = 1 ] && grep -q 'frame buffer' $file/name && font=frame
  done
  # The large font only where a line of 76 cells fits.
  width=$(cut -d, -f1 /sys/class/graphics/fb0/virtual_size 2>/dev/null)
  [ "${width:-0}" -ge 1216 ] || font=text
  setfont -C /dev/tty1 /lib/vestibule/$font.psf 2>/dev/null
  # No cursor, no blanking, UTF-8.
  printf '\033%%G\033[?25l\033[9;0]\033[2J' >/dev/tty1
  size=$(stty size </dev/tty1)
  rows=${size% *} columns=${size#* }
}

# sentence KEY [1] [2]: sets $text to the words, figures put in. No process is started here and in
# `line`: they run while the system loads.
sentence() {
  text=
  while IFS='	' read -r name words; do
    if [ "$name" = "$1" ]; then text=$words; break; fi
  done </lib/vestibule/words/$language
  case $text in *%1*) text=${text%%%1*}$2${text#*%1} ;; esac
  case $text in *%2*) text=${text%%%2*}$3${text#*%2} ;; esac
}

# line ROW TEXT: centred. The font has one cell a character.
line() {
  column=$(((columns - ${#2}) / 2 + 1))
  [ $column -ge 1 ] || column=1
  printf '\033[%d;1H\033[2K\033[%d;%dH%s' "$1" "$1" "$column" "$2" >/dev/tty1
}

# show KEY [1] [2]: what happens now. Logged when the key changes.
show() {
  sentence "$@"
  line $((rows / 2)) "$text"
  [ "$shown" != "$1" ] || return 0
  shown=$1
  line $((rows / 2 - 2)) "Vestibule"
  line $((rows / 2 + 2)) ""
  line $((rows / 2 + 4)) ""
  log "show $*"
}

# bar DONE TOTAL: of any unit; 40 cells.
bar() {
  filled=$((40 * $1 / $2)) cells= i=0
  while [ $i -lt 40 ]; do
    if [ $i -lt $filled ]; then cells=$cells█; else cells=$cells░; fi
    i=$((i + 1))
  done
  line $((rows / 2 + 2)) "$cells"
}

# problem KEY [1] [2]: remembered for wait_for_retry; the one nearest to success stays.
problem() {
  log "problem $*"
  problem_key=$1 problem_1=$2 problem_2=$3
}

# wait_for_retry SECONDS: the last problem in words, a countdown, R and P. The power button works
# throughout (acpid).
wait_for_retry() {
  left=$1
  show "$problem_key" "$problem_1" "$problem_2"
  log "retry in $left s"
  while [ $left -gt 0 ]; do
    sentence retry "$left"
    line $((rows / 2 + 2)) "$text"
    sentence keys
    line $((rows / 2 + 4)) "$text"
    key=
    # A terminal without a keyboard ends `read` at once.
    from=$(cut -d. -f1 /proc/uptime)
    read -r -s -n 1 -t 1 key </dev/tty1
    case $key in
    r | R) return ;;
    p | P) power_off ;;
    esac
    [ "$(cut -d. -f1 /proc/uptime)" != "$from" ] || sleep 1
    left=$((left - 1))
  done
}

power_off() {
  log "switched off at the keyboard"
  sync
  poweroff -f
}
