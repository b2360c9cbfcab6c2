# The description of a root file system, and using one that passed.

# read_root FOLDER: believes FOLDER/root.cfg where its signature is by a key of /etc/vestibule/keys,
# and sets root_*. Returns 1 with a problem.
read_root() {
  believed=
  for key in /etc/vestibule/keys/*.pem; do
    openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in $1/root.cfg -sigfile $1/root.cfg.sig \
      >/dev/null 2>&1 && believed=${key##*/}
  done
  if [ -z "$believed" ]; then
    problem not-signed "$where"
    return 1
  fi
  root_version=$(field $1 version)
  root_kernel=$(field $1 kernel)
  root_size=$(field $1 size)
  root_sha256=$(field $1 sha256)
  root_offset=$(field $1 hashOffset)
  root_hash=$(field $1 rootHash)
  log "root $root_version of $where, $root_size bytes, signed by $believed"
}

# field FOLDER KEY: a value of a root.cfg whose signature was good.
field() { sed -n "s/^$2=//p" $1/root.cfg; }

# open_root FILE [OPTION…]: dm-verity over FILE, mounted on /lower. From here on each block is
# checked against the signed root hash as it is read.
open_root() {
  file=$1
  shift
  # There is no udev here: device nodes are made by the kernel.
  DM_DISABLE_UDEV=1 veritysetup open "$@" --hash-offset="$root_offset" \
    "$file" vestibule-root "$file" "$root_hash" >/run/vestibule/boot/verity.log 2>&1 &&
    mount -t squashfs -o ro /dev/mapper/vestibule-root /lower && return 0
  log "verity: $(cat /run/vestibule/boot/verity.log)"
  close_root
  problem damaged "$where"
  return 1
}

close_root() {
  umount /lower 2>/dev/null
  DM_DISABLE_UDEV=1 veritysetup close vestibule-root >/dev/null 2>&1
}

# switch SOURCE: the end of the initrd. A read-only root below, changes in RAM above; what was
# learned is left in /run/vestibule/boot for the kiosk.
switch() {
  stage mounted
  mount -t tmpfs -o mode=755,size=50% upper /upper
  mkdir /upper/changes /upper/work
  mount -t overlay -o lowerdir=/lower,upperdir=/upper/changes,workdir=/upper/work root /new
  hand_over_network
  {
    echo "source=$1"
    echo "where=$where"
    echo "version=$root_version"
    echo "root_hash=$root_hash"
    if [ -n "$card" ]; then
      echo "card=$card"
      sed -n '/^[a-z_]*=[[:print:]]*$/s/^/dhcp_/p' /run/vestibule/boot/lease.$card
    fi
  } >/run/vestibule/boot/facts
  # What an installation or an update of the disk believes is what was believed here.
  cp -r /etc/vestibule/keys /run/vestibule/boot/keys
  if [ -r /etc/vestibule/settings.json ]; then
    mkdir -p /new/etc/vestibule
    cp /etc/vestibule/settings.json /new/etc/vestibule/settings.json
  fi
  mkdir -p /run/vestibule/image
  mount -o move $2 /run/vestibule/image
  killall acpid 2>/dev/null
  show starting-system
  stage switch
  for tree in dev proc sys run; do mount -o move /$tree /new/$tree; done
  exec switch_root /new /sbin/init
}
