#!/bin/sh
# usage: all.sh EVERYWHERE FILLER FOLDER... : the long form of this folder's tests
set -e
everywhere=$1 filler=$2
shift 2
for folder; do
    [ -d "$folder" ] || continue
    for step in 0 1; do
        find "$folder" -name '*.pcap' -o -name '*.pcapng' -o -name '*.gz' | sort | xargs "$everywhere" $step
    done
done
for seed in 1 2 3; do
    "$filler" 4000000 $seed
done
