#!/bin/sh
# Builds stand-ins for the container images of src/lib/images.ts, under exactly their names, from packages of Debian and
# the jars of the cache: for trying the Docker path where an engine runs but no image can be pulled. See README.md.
# Needs root, debootstrap, tar, docker with an engine that answers, and .cache/kafka-* (any test with Kafka fills it).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
jars=$(find "$here/../../.cache" -maxdepth 1 -type d -name 'kafka-[0-9.]*' ! -name '*-formatted' | head -n 1)
[ -n "$jars" ] || { echo "no Kafka in .cache: run the tests of scripts/servers once" >&2; exit 1; }
image() { sed -n "s/^ *$1: '\(.*\)',$/\1/p" "$here/src/lib/images.ts"; }
docker version >/dev/null

work=$(mktemp -d)
root=$work/root
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf "$work"' EXIT
. /etc/os-release

echo "making a root of $VERSION_CODENAME"
debootstrap --variant=minbase "$VERSION_CODENAME" "$root" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
echo "installing PostgreSQL, Redis and Java in it"
mount -t proc proc "$root/proc"
DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -q -y --no-install-recommends \
  postgresql redis-server default-jre-headless >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
umount "$root/proc"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
cp -r "$jars" "$root/opt/kafka"

# As the official image: a database is made on the first start, with the password of the environment.
cat >"$root/postgres-entrypoint" <<'END'
#!/bin/sh
set -eu
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
data=/var/lib/postgresql/data
if [ ! -s "$data/PG_VERSION" ]; then
  install -d -m 700 -o postgres -g postgres "$data"
  printf %s "$POSTGRES_PASSWORD" >/tmp/password
  setpriv --reuid postgres --regid postgres --clear-groups initdb -D "$data" -U postgres --pwfile=/dev/stdin --auth-host=scram-sha-256 --auth-local=trust </tmp/password
  rm /tmp/password
  echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
  echo "listen_addresses = '*'" >>"$data/postgresql.conf"
  install -d -o postgres -g postgres /var/run/postgresql
fi
exec setpriv --reuid postgres --regid postgres --clear-groups "$@" -D "$data"
END

cat >"$root/redis-entrypoint" <<'END'
#!/bin/sh
set -eu
cd /var/lib/redis
exec "$@" --protected-mode no
END

# As the official image: KAFKA_A_B is the setting a.b, and the storage is formatted on the first start.
cat >"$root/kafka-entrypoint" <<'END'
#!/bin/sh
set -eu
env | grep '^KAFKA_' | while IFS='=' read -r key value; do
  printf '%s=%s\n' "$(printf %s "${key#KAFKA_}" | tr 'A-Z_' 'a-z.')" "$value"
done >/opt/server.properties
echo 'log.dirs=/opt/kafka-data' >>/opt/server.properties
if [ ! -e /opt/kafka-data/meta.properties ]; then
  java -Xmx128m -cp '/opt/kafka/*' kafka.tools.StorageTool format -t "${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}" -c /opt/server.properties
fi
exec java -Xmx256m -cp '/opt/kafka/*' kafka.Kafka /opt/server.properties
END
chmod 755 "$root"/*-entrypoint

echo "importing it"
base=lameduck-local-images
tar -C "$root" -c . | docker import - "$base" >/dev/null
for name in postgres redis kafka; do
  tag=$(image "$name")
  case $name in
    postgres) command='["postgres"]' port=5432 ;;
    redis) command='["redis-server"]' port=6379 ;;
    kafka) command='[]' port=9092 ;;
  esac
  container=$(docker create "$base" true)
  docker commit --change "ENTRYPOINT [\"/$name-entrypoint\"]" --change "CMD $command" --change "EXPOSE $port" "$container" "$tag" >/dev/null
  docker rm "$container" >/dev/null
  echo "$tag"
done
