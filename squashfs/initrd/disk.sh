# The root file system of a slot on this computer's disk, read in place.

# kept KEY: a variable of GRUB's environment block (1024 bytes of lines and padding).
kept() { sed -n "s/^$1=\([ab]\)$/\1/p" /run/vestibule/boot/grubenv 2>/dev/null; }

start_from_disk() {
  device=$(findfs LABEL=KIOSK 2>/dev/null)
  [ -n "$device" ] || return 1
  show from-disk
  if ! mount -t btrfs -o ro,subvol=slots "$device" /disk; then
    log "the disk $device cannot be mounted"
    return 1
  fi
  esp=$(findfs LABEL=KIOSKESP 2>/dev/null)
  if [ -n "$esp" ] && mkdir -p /esp && mount -t vfat -o ro "$esp" /esp; then
    head -c 1024 /esp/vestibule/grubenv >/run/vestibule/boot/grubenv
    umount /esp
  fi
  good=$(kept good)
  good=${good:-a}
  slot=$good
  # What GRUB chose counts only where GRUB started this kernel from the disk.
  if [ "$option_from" = disk ]; then
    chosen=$(kept booting)
    slot=${option_slot:-${chosen:-$good}}
  fi
  where="slot $slot"
  if read_root /disk/$slot; then
    if [ "$root_kernel" != "$(uname -r)" ]; then
      start_other_kernel
    else
      corruption=
      # A slot on trial that turns out damaged gives its turn back to GRUB.
      [ "$slot" = "$good" ] || corruption=--restart-on-corruption
      if open_root /disk/$slot/root.sqfs $corruption; then
        mkdir /live 2>/dev/null
        mount -o bind /disk/$slot /live
        [ "$slot" = "$good" ] || watch_trial
        switch "slot-$slot" /live
      fi
    fi
  fi
  umount /disk
}

# watch_trial: a system on trial that does not show the kiosk in time gives its turn back, whatever
# it is that fails in it: this process needs none of its files. `reached` is the root helper's.
watch_trial() {
  (
    cd /run/vestibule/boot
    exec 3>/proc/sysrq-trigger
    sleep "${option_trial:-600}"
    [ -e reached ] || echo b >&3
  ) &
}

# start_other_kernel: the slot belongs to another kernel than the one that runs (which came from
# the network): that kernel takes over. With Secure Boot on, it must be signed like any other.
start_other_kernel() {
  log "slot $slot needs kernel $root_kernel"
  # Once: a slot whose kernel is not the one that it names would start it for ever.
  if ! grep -q vestibule.boot.again /proc/cmdline; then
    kexec -s -l /disk/$slot/vmlinuz --initrd=/disk/$slot/initrd.img --command-line="$(cat /proc/cmdline)\
 vestibule.boot.again vestibule.boot.from=disk vestibule.boot.slot=$slot" && kexec -e
  fi
  problem other-kernel "$root_kernel" "$(uname -r)"
}
