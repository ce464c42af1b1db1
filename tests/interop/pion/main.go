// Pion as a peer: the commands and events of peer.mjs over webrtc/v3 as Debian has it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v3"
	"github.com/pion/webrtc/v3/pkg/media"
)

type object map[string]interface{}

var output sync.Mutex

func emit(line object) {
	output.Lock()
	defer output.Unlock()
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

type command struct {
	ID                                int
	Do, Label, Type, Sdp              string
	Candidate                         string
	Audio, Sound, Video, Film, Record string
	Text                              *string
	Bytes                             int
	Ordered                           *bool
	MaxRetransmits, MaxPacketLifeTime *uint16
	Trickle, On                       bool
}

// One connection; what comes from an older one is told no more.
type connection struct {
	pc       *webrtc.PeerConnection
	old      atomic.Bool
	echo     atomic.Bool
	mutex    sync.Mutex
	channels map[string]*webrtc.DataChannel
	audio    counts
	video    counts
	closing  sync.WaitGroup // what is written into files
}

// Packets, pictures, and what the peer has asked for.
type counts struct{ sent, received, intact, encoded, plisHeard, nacksHeard atomic.Int64 }

func (c *counts) tell() object {
	return object{"sent": c.sent.Load(), "received": c.received.Load(), "intact": c.intact.Load(), "encoded": c.encoded.Load(),
		"plisHeard": c.plisHeard.Load(), "nacksHeard": c.nacksHeard.Load()}
}

func (c *connection) note(line object) {
	if !c.old.Load() {
		emit(line)
	}
}

func sum(data []byte) (s uint32) {
	for _, b := range data {
		s = s*31 + uint32(b)
	}
	return
}
func pattern(size int) []byte {
	bytes := make([]byte, size)
	for i := range bytes {
		bytes[i] = byte(i * 7)
	}
	return bytes
}

func (c *connection) watch(d *webrtc.DataChannel) {
	c.mutex.Lock()
	c.channels[d.Label()] = d
	c.mutex.Unlock()
	d.OnOpen(func() {
		c.note(object{"event": "open", "label": d.Label(), "ordered": d.Ordered(),
			"maxRetransmits": d.MaxRetransmits(), "maxPacketLifeTime": d.MaxPacketLifeTime()})
	})
	d.OnClose(func() { c.note(object{"event": "closed", "label": d.Label()}) })
	d.OnMessage(func(m webrtc.DataChannelMessage) {
		if m.IsString {
			c.note(object{"event": "message", "label": d.Label(), "text": string(m.Data)})
		} else {
			c.note(object{"event": "message", "label": d.Label(), "bytes": len(m.Data), "sum": sum(m.Data)})
		}
		if !c.echo.Load() {
			return
		}
		if m.IsString {
			_ = d.SendText(string(m.Data))
		} else {
			_ = d.Send(m.Data)
		}
	})
}

var known = map[string]webrtc.RTPCodecParameters{
	"pcma": {RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMA, ClockRate: 8000}, PayloadType: 8},
	"pcmu": {RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000}, PayloadType: 0},
	"opus": {RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
		SDPFmtpLine: "minptime=10;useinbandfec=1"}, PayloadType: 111},
	"h264": {RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
		SDPFmtpLine:  "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}}, PayloadType: 108},
}

// A sound, whose frames of twenty milliseconds are all of the same size, from the moment it can go.
func (c *connection) play(track *webrtc.TrackLocalStaticRTP, name string, sound []byte) {
	size, step := 160, uint32(160)
	if name == "opus" {
		size, step = 80, 960
	}
	packet := rtp.Packet{Header: rtp.Header{Version: 2}}
	next := 0
	for range time.Tick(20 * time.Millisecond) {
		if c.pc.ConnectionState() == webrtc.PeerConnectionStateClosed {
			return
		}
		if c.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
			continue
		}
		packet.Payload = sound[next : next+size]
		if next += size; next+size > len(sound) {
			next = 0
		}
		if track.WriteRTP(&packet) != nil {
			return
		}
		packet.SequenceNumber++
		packet.Timestamp += step
		c.audio.sent.Add(1)
	}
}

// The pictures of a film, of which each begins with a delimiter, thirty a second. From the first,
// which is the keyframe, whenever the peer asks for one.
func (c *connection) project(track *webrtc.TrackLocalStaticSample, film []byte, again <-chan struct{}) {
	delimiter := []byte{0, 0, 0, 1, 9}
	pictures := bytes.Split(film, delimiter)[1:]
	next := 0
	for range time.Tick(time.Second / 30) {
		if c.pc.ConnectionState() == webrtc.PeerConnectionStateClosed {
			return
		}
		if c.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
			continue
		}
		select {
		case <-again:
			next = 0
		default:
		}
		picture := append(append([]byte{}, delimiter...), pictures[next]...)
		if track.WriteSample(media.Sample{Data: picture, Duration: time.Second / 30}) != nil {
			return
		}
		c.video.encoded.Add(1)
		next = (next + 1) % len(pictures)
	}
}

// What comes as RTCP has to be read; a keyframe is wanted with a PLI or FIR.
func (c *connection) listen(sender *webrtc.RTPSender, counts *counts, again chan<- struct{}) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				counts.plisHeard.Add(1)
				select {
				case again <- struct{}{}:
				default:
				}
			case *rtcp.TransportLayerNack:
				counts.nacksHeard.Add(1)
			}
		}
	}
}

func (c *connection) receive(track *webrtc.TrackRemote, record string, sound []byte) {
	c.closing.Add(1)
	defer c.closing.Done()
	counts := &c.audio
	var file *os.File
	var units codecs.H264Packet
	if track.Kind() == webrtc.RTPCodecTypeVideo {
		counts = &c.video
		ask := []rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}}
		if err := c.pc.WriteRTCP(ask); err != nil { // for a keyframe to begin with
			return
		}
		var err error
		if file, err = os.Create(record); err != nil {
			return
		}
		defer file.Close()
	}
	began := false // with a keyframe, and the parameter sets before it
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		counts.received.Add(1)
		if file == nil {
			if bytes.Contains(sound, packet.Payload) {
				counts.intact.Add(1)
			}
			continue
		}
		if unit, err := units.Unmarshal(packet.Payload); err == nil {
			if began = began || bytes.Contains(unit, []byte{0, 0, 0, 1, 0x67}); began {
				_, _ = file.Write(unit)
			}
		}
	}
}

func start(m command) (*connection, error) {
	audio, video := m.Audio, m.Video
	engine, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if audio != "" {
		if err := engine.RegisterCodec(known[audio], webrtc.RTPCodecTypeAudio); err != nil {
			return nil, err
		}
	}
	if video != "" {
		if err := engine.RegisterCodec(known[video], webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
		if err := webrtc.ConfigureNack(engine, registry); err != nil {
			return nil, err
		}
	}
	if err := webrtc.ConfigureRTCPReports(registry); err != nil {
		return nil, err
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry)).
		NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	c := &connection{pc: pc, channels: map[string]*webrtc.DataChannel{}}
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		c.note(object{"event": "state", "state": s.String()})
	})
	pc.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		text := ""
		if candidate != nil {
			text = candidate.ToJSON().Candidate
		}
		c.note(object{"event": "candidate", "candidate": text})
	})
	pc.OnDataChannel(c.watch)
	var sound []byte
	if audio != "" {
		if sound, err = os.ReadFile(m.Sound); err != nil {
			return nil, err
		}
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.receive(track, m.Record, sound) })
	if audio != "" {
		track, err := webrtc.NewTrackLocalStaticRTP(known[audio].RTPCodecCapability, "audio", "pion")
		if err != nil {
			return nil, err
		}
		sender, err := pc.AddTrack(track)
		if err != nil {
			return nil, err
		}
		go c.listen(sender, &c.audio, make(chan struct{}))
		go c.play(track, audio, sound)
	}
	if video != "" {
		film, err := os.ReadFile(m.Film)
		if err != nil {
			return nil, err
		}
		track, err := webrtc.NewTrackLocalStaticSample(known[video].RTPCodecCapability, "video", "pion")
		if err != nil {
			return nil, err
		}
		sender, err := pc.AddTrack(track)
		if err != nil {
			return nil, err
		}
		again := make(chan struct{}, 1)
		go c.listen(sender, &c.video, again)
		go c.project(track, film, again)
	}
	return c, nil
}

func (c *connection) describe(kind string, trickle bool) (string, error) {
	description, err := c.pc.CreateAnswer(nil)
	if kind == "offer" {
		description, err = c.pc.CreateOffer(nil)
	}
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(description); err != nil {
		return "", err
	}
	if trickle {
		return description.SDP, nil // before any candidate
	}
	<-gathered
	return c.pc.LocalDescription().SDP, nil
}

func (c *connection) obey(m command) (object, error) {
	c.mutex.Lock()
	d := c.channels[m.Label]
	c.mutex.Unlock()
	switch m.Do {
	case "create":
		d, err := c.pc.CreateDataChannel(m.Label, &webrtc.DataChannelInit{Ordered: m.Ordered,
			MaxRetransmits: m.MaxRetransmits, MaxPacketLifeTime: m.MaxPacketLifeTime})
		if err == nil {
			c.watch(d)
		}
		return nil, err
	case "describe":
		sdp, err := c.describe(m.Type, m.Trickle)
		return object{"sdp": sdp}, err
	case "remote":
		return nil, c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.NewSDPType(m.Type), SDP: m.Sdp})
	case "remoteCandidate":
		return nil, c.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: m.Candidate})
	case "echo":
		c.echo.Store(m.On)
		return nil, nil
	case "leave":
		err := c.pc.Close()
		c.closing.Wait()
		return nil, err
	case "media":
		return object{"audio": c.audio.tell(), "video": c.video.tell()}, nil
	}
	if d == nil {
		return nil, errors.New("no such channel or command")
	}
	switch {
	case m.Do == "close":
		return nil, d.Close()
	case m.Do == "send" && m.Text != nil:
		return nil, d.SendText(*m.Text)
	case m.Do == "send":
		return nil, d.Send(pattern(m.Bytes))
	}
	return nil, errors.New("no such command")
}

func main() {
	emit(object{"event": "ready", "name": "Pion " + strings.Join(os.Args[1:], " ")})
	current := &connection{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		var m command
		if json.Unmarshal(lines.Bytes(), &m) != nil {
			continue
		}
		answer, err := object{}, error(nil)
		if m.Do == "start" {
			current.old.Store(true)
			if current.pc != nil {
				_ = current.pc.Close()
			}
			var next *connection
			if next, err = start(m); err == nil {
				current = next
			}
		} else if answer, err = current.obey(m); answer == nil {
			answer = object{}
		}
		answer["event"], answer["id"] = "done", m.ID
		if err != nil {
			answer["error"] = err.Error()
		}
		emit(answer)
	}
}
