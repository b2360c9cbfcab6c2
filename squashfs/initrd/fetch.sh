# The root file system from a boot server, into RAM.

# servers: base URLs, each with a slash at the end: the command line's, else what DHCP says: a root
# path that is a URL, the folder of a boot file that is a URL, the boot server itself.
servers() {
  if [ -n "$option_servers" ]; then
    for url in $option_servers; do echo "${url%/}/"; done
    return
  fi
  url=$(leased rootpath)
  case $url in http://* | https://*) echo "${url%/}/"; return ;; esac
  url=$(leased boot_file)
  case $url in http://* | https://*) echo "${url%/*}/"; return ;; esac
  [ -z "$(leased siaddr)" ] || echo "http://$(leased siaddr)/vestibule/"
}

# get OPTION…: curl with the limits of every request. No redirects: the list of servers is closed.
get() {
  certificates=
  [ ! -r /etc/vestibule/ca.pem ] || certificates="--cacert /etc/vestibule/ca.pem"
  curl --silent --show-error --fail --proto =http,https --connect-timeout 5 \
    --speed-limit 2048 --speed-time 10 $certificates "$@"
}

# said CODE URL: a problem of curl's exit code (curl(1), "EXIT CODES").
said() {
  case $1 in
  22) problem not-there "$2" ;;
  60 | 77) problem certificate "$2" ;;
  63) problem damaged "$2" ;;
  *) problem no-server "$2" ;;
  esac
}

start_from_network() {
  show waiting-network
  connect || return
  show looking
  server=
  for server in $(servers); do
    where=$server
    if try_server; then
      switch network /live
    fi
  done
  [ -n "$server" ] || problem no-server-named
}

# try_server: $server's root on /lower. What arrived of the same file before is kept.
try_server() {
  mkdir -p /run/vestibule/boot/offer
  for name in root.cfg root.cfg.sig; do
    get --max-time 20 --max-filesize 65536 -o /run/vestibule/boot/offer/$name "$server$name" \
      2>/run/vestibule/boot/curl.log || { said $? "$server"; return 1; }
  done
  read_root /run/vestibule/boot/offer || return 1
  if [ "$root_kernel" != "$(uname -r)" ]; then
    problem other-kernel "$root_kernel" "$(uname -r)"
    return 1
  fi
  if ! cmp -s /run/vestibule/boot/offer/root.cfg /live/root.cfg; then
    # Another root than before, or the first.
    umount /live 2>/dev/null
    enough_memory || return 1
    # Not one byte more than the signed size fits.
    mount -t tmpfs -o mode=755,size=$((root_size + 1048576)) image /live
    cp /run/vestibule/boot/offer/root.cfg* /live
  fi
  download || return 1
  stage fetched
  open_root /live/root.sqfs
}

# enough_memory: said before anything is loaded, with the figures.
enough_memory() {
  free=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))
  need=$((root_size / 1048576 + option_reserve))
  log "memory $free MB free, $need MB needed"
  [ $free -ge $need ] && return 0
  problem too-little-memory $free $need
  return 1
}

have() { stat -c %s /live/root.sqfs 2>/dev/null || echo 0; }

# download: /live/root.sqfs, resumed where it stopped, with a bar; checked against the signed hash.
# A download in one piece is hashed as it arrives.
download() {
  megabytes=$((root_size / 1048576))
  # At most so many resumptions in a row of one server that sends nothing new.
  idle=0
  stage fetching
  while [ "$(have)" -lt "$root_size" ]; do
    from=$(have)
    rm -f /run/vestibule/boot/sum /run/vestibule/boot/code
    if [ "$from" = 0 ]; then
      { get --max-filesize "$root_size" -o - "${server}root.sqfs" 2>/run/vestibule/boot/curl.log; echo $? >/run/vestibule/boot/code; } |
        tee /live/root.sqfs 2>/dev/null | sha256sum >/run/vestibule/boot/sum &
    else
      log "resumed at $from"
      { get --max-filesize "$root_size" -C "$from" -o /live/root.sqfs "${server}root.sqfs" 2>/run/vestibule/boot/curl.log
        echo $? >/run/vestibule/boot/code; } &
    fi
    fetcher=$!
    while kill -0 $fetcher 2>/dev/null; do
      now=$(have)
      show loading $((now / 1048576)) $megabytes
      bar "$now" "$root_size"
      sleep 1
    done
    wait $fetcher
    code=$(cat /run/vestibule/boot/code)
    [ "$code" = 0 ] || log "curl $code: $(head -n 1 /run/vestibule/boot/curl.log)"
    if [ "$(have)" -ge "$root_size" ]; then break; fi
    # 22 at an offset: the server's file ends there (HTTP 416). 33: it cannot resume.
    if [ "$code" = 0 ] || { [ "$code" = 22 ] && [ "$from" != 0 ]; }; then
      problem incomplete "$(($(have) / 1048576))" "$megabytes"
      rm -f /live/root.sqfs
      return 1
    fi
    if [ "$code" = 33 ]; then rm -f /live/root.sqfs; fi
    if [ "$(have)" -gt "$from" ]; then idle=0; else idle=$((idle + 1)); fi
    if [ $idle -ge 3 ] || { [ "$code" = 22 ] && [ "$from" = 0 ]; }; then
      said "$code" "$server"
      return 1
    fi
    sleep 1
  done
  show checking
  if [ "$from" != 0 ] || [ ! -s /run/vestibule/boot/sum ]; then
    sha256sum /live/root.sqfs >/run/vestibule/boot/sum
  fi
  if [ "$(cut -c 1-64 /run/vestibule/boot/sum)" != "$root_sha256" ]; then
    problem damaged "$server"
    rm -f /live/root.sqfs
    return 1
  fi
}
