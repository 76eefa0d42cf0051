// memberlist-peer is the Go side of the conformance tests and of the gossip benchmark: one member on hashicorp/memberlist,
// driven by JSON lines. It takes commands on stdin, one object per line with an "id", and answers each with a "result";
// what happens to members and what others send is told as events. It ends with its stdin, so that nothing outlives a test.
//
// It is built against Debian's golang-github-hashicorp-memberlist-dev in GOPATH mode; see test/support/memberlist-peer.ts.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	commandBytesMax = 1 << 20
	waitMax         = 10 * time.Second
)

type fields map[string]interface{}

var (
	output     = bufio.NewWriter(os.Stdout)
	outputLock sync.Mutex
)

// tell writes one line. Times are Unix milliseconds: all processes of a test share one machine and so one clock.
func tell(event string, more fields) {
	line := fields{"event": event, "t": float64(time.Now().UnixMicro()) / 1000}
	for key, value := range more {
		line[key] = value
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	outputLock.Lock()
	defer outputLock.Unlock()
	output.Write(append(text, '\n'))
	output.Flush()
}

func fail(err error) {
	tell("fatal", fields{"error": err.Error()})
	os.Exit(1)
}

// peer is the delegate of memberlist: metadata and user messages, and the events of members.
type peer struct {
	lock sync.Mutex
	meta []byte
}

func (p *peer) NodeMeta(limit int) []byte {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.meta
}

func (p *peer) setMeta(meta []byte) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.meta = meta
}

func (p *peer) NotifyMsg(bytes []byte)                     { tell("message", fields{"hex": hex.EncodeToString(bytes)}) }
func (p *peer) GetBroadcasts(overhead, limit int) [][]byte { return nil }
func (p *peer) LocalState(join bool) []byte                { return nil }
func (p *peer) MergeRemoteState(state []byte, join bool)   {}

func (p *peer) NotifyJoin(node *memberlist.Node)   { tell("join", view(node)) }
func (p *peer) NotifyUpdate(node *memberlist.Node) { tell("update", view(node)) }

// NotifyLeave is told for the dead and for those who left alike.
func (p *peer) NotifyLeave(node *memberlist.Node) { tell("gone", view(node)) }

func view(node *memberlist.Node) fields {
	return fields{
		"name":    node.Name,
		"address": net.JoinHostPort(node.Addr.String(), strconv.Itoa(int(node.Port))),
		"meta":    hex.EncodeToString(node.Meta),
	}
}

type command struct {
	ID       int      `json:"id"`
	Do       string   `json:"do"`
	Seeds    []string `json:"seeds"`
	To       string   `json:"to"`
	Hex      string   `json:"hex"`
	Reliable bool     `json:"reliable"`
	Key      string   `json:"key"`
}

func (p *peer) obey(list *memberlist.Memberlist, keyring *memberlist.Keyring, c command) (fields, error) {
	switch c.Do {
	case "join":
		joined, err := list.Join(c.Seeds)
		return fields{"joined": joined}, err
	case "members":
		members := []fields{}
		for _, node := range list.Members() {
			members = append(members, view(node))
		}
		return fields{"members": members}, nil
	case "meta":
		meta, err := hex.DecodeString(c.Hex)
		if err != nil {
			return nil, err
		}
		p.setMeta(meta)
		return nil, list.UpdateNode(waitMax)
	case "send":
		return nil, send(list, c)
	case "leave":
		return nil, list.Leave(waitMax)
	case "install", "use", "remove":
		return nil, turnKey(keyring, c)
	}
	return nil, fmt.Errorf("no command %q", c.Do)
}

func send(list *memberlist.Memberlist, c command) error {
	bytes, err := hex.DecodeString(c.Hex)
	if err != nil {
		return err
	}
	for _, node := range list.Members() {
		if node.Name != c.To {
			continue
		}
		if c.Reliable {
			return list.SendReliable(node, bytes)
		}
		return list.SendBestEffort(node, bytes)
	}
	return fmt.Errorf("no living member %q", c.To)
}

func turnKey(keyring *memberlist.Keyring, c command) error {
	if keyring == nil {
		return errors.New("started without -keys")
	}
	key, err := base64.StdEncoding.DecodeString(c.Key)
	if err != nil {
		return err
	}
	switch c.Do {
	case "install":
		return keyring.AddKey(key)
	case "use":
		return keyring.UseKey(key)
	}
	return keyring.RemoveKey(key)
}

func keyringOf(list string) (*memberlist.Keyring, error) {
	if list == "" {
		return nil, nil
	}
	keys := [][]byte{}
	for _, text := range strings.Split(list, ",") {
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return memberlist.NewKeyring(keys, keys[0])
}

func main() {
	name := flag.String("name", "peer", "unique in the cluster")
	bind := flag.String("bind", "127.0.0.1:0", "address of datagrams and streams")
	profile := flag.String("profile", "local", "lan | local: memberlist's own defaults")
	join := flag.String("join", "", "seeds, with commas between them")
	meta := flag.String("meta", "", "metadata as hex")
	keys := flag.String("keys", "", "base64 keys with commas between them, the primary one first")
	verifyIncoming := flag.Bool("verify-incoming", true, "false takes plain text too, although there is a key")
	verifyOutgoing := flag.Bool("verify-outgoing", true, "false sends plain text, although there is a key")
	logs := flag.Bool("log", false, "memberlist's log on stderr")
	probeInterval := flag.Duration("probe-interval", 0, "instead of the profile's")
	probeTimeout := flag.Duration("probe-timeout", 0, "instead of the profile's")
	gossipInterval := flag.Duration("gossip-interval", 0, "instead of the profile's")
	pushPullInterval := flag.Duration("push-pull-interval", 0, "instead of the profile's")
	flag.Parse()

	config := memberlist.DefaultLocalConfig()
	if *profile == "lan" {
		config = memberlist.DefaultLANConfig()
	}
	for field, value := range map[*time.Duration]time.Duration{
		&config.ProbeInterval:    *probeInterval,
		&config.ProbeTimeout:     *probeTimeout,
		&config.GossipInterval:   *gossipInterval,
		&config.PushPullInterval: *pushPullInterval,
	} {
		if value > 0 {
			*field = value
		}
	}
	host, portText, err := net.SplitHostPort(*bind)
	if err != nil {
		fail(err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		fail(err)
	}
	keyring, err := keyringOf(*keys)
	if err != nil {
		fail(err)
	}
	own := &peer{}
	if own.meta, err = hex.DecodeString(*meta); err != nil {
		fail(err)
	}
	config.Name, config.BindAddr, config.BindPort, config.AdvertisePort = *name, host, port, port
	config.Delegate, config.Events, config.Keyring = own, own, keyring
	config.GossipVerifyIncoming, config.GossipVerifyOutgoing = *verifyIncoming, *verifyOutgoing
	var destination io.Writer = io.Discard
	if *logs {
		destination = os.Stderr
	}
	config.Logger = log.New(destination, "", log.Lmicroseconds)

	list, err := memberlist.Create(config)
	if err != nil {
		fail(err)
	}
	self := list.LocalNode()
	tell("ready", fields{
		"name":    self.Name,
		"address": net.JoinHostPort(self.Addr.String(), strconv.Itoa(int(self.Port))),
		"timings": fields{
			"probeIntervalMs":         config.ProbeInterval.Milliseconds(),
			"probeTimeoutMs":          config.ProbeTimeout.Milliseconds(),
			"suspicionMult":           config.SuspicionMult,
			"suspicionMaxTimeoutMult": config.SuspicionMaxTimeoutMult,
			"gossipIntervalMs":        config.GossipInterval.Milliseconds(),
			"gossipNodes":             config.GossipNodes,
			"indirectChecks":          config.IndirectChecks,
			"retransmitMult":          config.RetransmitMult,
			"pushPullIntervalMs":      config.PushPullInterval.Milliseconds(),
		},
	})
	if *join != "" {
		if _, err := list.Join(strings.Split(*join, ",")); err != nil {
			fail(err)
		}
	}

	input := bufio.NewScanner(os.Stdin)
	input.Buffer(make([]byte, 4096), commandBytesMax)
	for input.Scan() {
		var c command
		if err := json.Unmarshal(input.Bytes(), &c); err != nil {
			fail(err)
		}
		answer, err := own.obey(list, keyring, c)
		if answer == nil {
			answer = fields{}
		}
		answer["id"], answer["ok"] = c.ID, err == nil
		if err != nil {
			answer["error"] = err.Error()
		}
		tell("result", answer)
	}
}
