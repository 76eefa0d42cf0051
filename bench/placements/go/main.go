// Look-ups and builds of groupcache's consistenthash, printed as JSON: what a Go program would use. Its rounds are medians of
// five after one that does not count, as in bench/harness.ts.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"syscall"
	"time"

	"github.com/golang/groupcache/consistenthash"
)

const rounds = 5

type result struct {
	LookUpNs    float64 `json:"lookUpNs"`
	LookUpCPUNs float64 `json:"lookUpCpuNs"`
	BuildMs     float64 `json:"buildMs"`
	Busiest     float64 `json:"busiest"`
}

func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

func build(nodes, replicas int) *consistenthash.Map {
	ring := consistenthash.New(replicas, nil)
	names := make([]string, nodes)
	for i := range names {
		names[i] = fmt.Sprintf("10.0.%d.%d:6379", i>>8, i&255)
	}
	ring.Add(names...)
	return ring
}

func number(at int) int {
	value, err := strconv.Atoi(os.Args[at])
	if err != nil {
		panic(err)
	}
	return value
}

// Arguments: nodes, points of each, keys, look-ups of a round.
func main() {
	nodes, replicas, count, operations := number(1), number(2), number(3), number(4)
	keys := make([]string, count)
	for i := range keys {
		keys[i] = fmt.Sprintf("user:%08d:profil", (i*7919)%100_000_000)
	}
	ring := build(nodes, replicas)
	counts := map[string]int{}
	for _, key := range keys {
		counts[ring.Get(key)]++
	}
	if counts[""] > 0 {
		panic("a key without an owner")
	}
	most := 0
	for _, each := range counts {
		if each > most {
			most = each
		}
	}
	var lookUps, cpus, builds []float64
	missing := 0
	for round := 0; round <= rounds; round++ {
		runtime.GC()
		before, cpuBefore := time.Now(), cpu()
		for done := 0; done < operations; done += count {
			for _, key := range keys {
				if ring.Get(key) == "" {
					missing++
				}
			}
		}
		wall, used := float64(time.Since(before).Nanoseconds()), cpu()-cpuBefore
		passes := (operations + count - 1) / count
		before = time.Now()
		ring = build(nodes, replicas)
		built := float64(time.Since(before).Nanoseconds()) / 1e6
		if round == 0 {
			continue
		}
		lookUps = append(lookUps, wall/float64(passes*count))
		cpus = append(cpus, used/float64(passes*count))
		builds = append(builds, built)
	}
	if missing > 0 {
		panic("a key without an owner")
	}
	busiest := float64(most) * float64(nodes) / float64(count)
	out := result{median(lookUps), median(cpus), median(builds), busiest}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		panic(err)
	}
}
