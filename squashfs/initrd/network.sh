# Every Ethernet card up, DHCP on each that has a cable, the card that loaded the kernel preferred.

# cards: names of Ethernet cards that are hardware.
cards() {
  for card in /sys/class/net/*; do
    [ -e $card/device ] && [ "$(cat $card/type)" = 1 ] && [ ! -e $card/wireless ] && echo ${card##*/}
  done
}

has_link() { [ "$(cat /sys/class/net/$1/carrier 2>/dev/null)" = 1 ]; }

# ask CARD: DHCP in the background, once a card; it goes on asking, and renews.
ask() {
  [ ! -e /run/vestibule/boot/asking.$1 ] || return
  udhcpc -f -i $1 -s /lib/vestibule/lease -t 5 -T 2 -A 5 -O rootpath -O domain -O ntpsrv \
    -V vestibule >/dev/null 2>&1 &
  echo $! >/run/vestibule/boot/asking.$1
}

# connect: takes the first lease, that of $bootif during its first 10 seconds. Sets $card.
# Returns 1 with a problem after 30 seconds: no card, no cable, or no answer.
connect() {
  card=
  waited=0
  while [ $waited -lt 60 ]; do
    linked= preferred= preferred_link=
    all=$(cards)
    for name in $all; do
      ip link set $name up 2>/dev/null
      [ "$(cat /sys/class/net/$name/address)" = "$bootif" ] && preferred=$name
      has_link $name || continue
      linked="$linked $name"
      [ "$name" = "$preferred" ] && preferred_link=1
      ask $name
    done
    for name in $preferred $linked; do
      [ -e /run/vestibule/boot/lease.$name ] || continue
      # The others wait for the preferred card: 5 seconds for its link, which takes some to come
      # up, and 10 for its lease.
      if [ -n "$preferred" ] && [ "$name" != "$preferred" ]; then
        if [ -n "$preferred_link" ]; then patience=20; else patience=10; fi
        [ $waited -ge $patience ] || continue
      fi
      card=$name
      use_lease
      return 0
    done
    # Drivers had their time: a card that is not there by now does not come.
    [ -n "$all" ] || [ $waited -lt 20 ] || break
    [ $waited -ne 4 ] || { if [ -z "$linked" ]; then show no-cable; else show waiting-network; fi; }
    sleep 0.5
    waited=$((waited + 1))
  done
  if [ -z "$all" ]; then problem no-card
  elif [ -z "$linked" ]; then problem no-cable
  else problem no-dhcp "$(echo $linked)"; fi
  return 1
}

# leased KEY: a value of the lease in use, as the server gave it. Never evaluated.
leased() { sed -n "s/^$1=//p" /run/vestibule/boot/lease.$card | head -n 1; }

use_lease() {
  address=$(leased ip)
  prefix=$(leased mask)
  ip addr flush dev $card
  ip addr add "$address/${prefix:-24}" dev $card
  for router in $(leased router); do
    ip route replace default via "$router" dev $card && break
  done
  for server in $(leased dns); do echo "nameserver $server"; done >/etc/resolv.conf
  name=$(leased hostname | sed -n 's/^\([A-Za-z0-9-]\{1,63\}\).*/\1/p')
  [ -z "$name" ] || hostname "$name"
  log "lease $card $address/$prefix router $(leased router)"
  stage network
}

# hand_over_network: systemd-networkd keeps the address and asks for the same lease again, so that
# nobody waits for DHCP twice. The client identifier is the one that udhcpc used.
hand_over_network() {
  for file in /run/vestibule/boot/asking.*; do
    [ -e $file ] && kill "$(cat $file)" 2>/dev/null
  done
  [ -n "$card" ] || return
  mkdir -p /run/systemd/network
  {
    echo "[Match]"
    echo "PermanentMACAddress=$(cat /sys/class/net/$card/address)"
    echo "[Link]"
    echo "RequiredForOnline=routable"
    echo "[Network]"
    echo "DHCP=ipv4"
    echo "KeepConfiguration=dhcp"
    echo "Address=$(leased ip)/$(leased mask)"
    for router in $(leased router); do echo "Gateway=$router"; break; done
    for server in $(leased dns); do echo "DNS=$server"; done
    for server in $(leased ntpsrv); do echo "NTP=$server"; done
    echo "[DHCPv4]"
    echo "ClientIdentifier=mac"
    echo "RequestAddress=$(leased ip)"
    echo "UseDomains=true"
  } >/run/systemd/network/05-vestibule-boot.network
}
