// franz-go against the appliance: one function per outcome, its name is the second argument.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

var bootstrap string

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func check(ok bool, words string, values ...any) {
	if !ok {
		panic(fmt.Sprintf(words, values...))
	}
}

// How a client of these programs connects; whoever logs in says so in the environment.
func connection() []kgo.Opt {
	options := []kgo.Opt{kgo.SeedBrokers(bootstrap)}
	if user := os.Getenv("KAFKA_USER"); user != "" {
		pem, err := os.ReadFile(os.Getenv("KAFKA_CA"))
		must(err)
		authorities := x509.NewCertPool()
		check(authorities.AppendCertsFromPEM(pem), "no certificate in KAFKA_CA")
		auth := scram.Auth{User: user, Pass: os.Getenv("KAFKA_PASSWORD")}
		mechanism := map[string]kgo.Opt{"SCRAM-SHA-256": kgo.SASL(auth.AsSha256Mechanism()),
			"SCRAM-SHA-512": kgo.SASL(auth.AsSha512Mechanism())}[os.Getenv("KAFKA_MECHANISM")]
		options = append(options, mechanism, kgo.DialTLSConfig(&tls.Config{RootCAs: authorities}))
	}
	return options
}

func client(options ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append(connection(), options...)...)
	must(err)
	return c
}

func within() context.Context {
	ctx, _ := context.WithTimeout(context.Background(), 60*time.Second)
	return ctx
}

func create(topic string, partitions int32) *kadm.Client {
	admin := kadm.NewClient(client())
	_, err := admin.CreateTopic(within(), partitions, 1, nil, topic)
	must(err)
	return admin
}

// Values of `count` records.
func consume(count int, options ...kgo.Opt) []string {
	c := client(append(options, kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	defer c.Close()
	var values []string
	for len(values) < count {
		fetches := c.PollFetches(within())
		for _, problem := range fetches.Errors() {
			must(problem.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

func codecs() {
	admin := create("go-codecs", 1)
	defer admin.Close()
	var expected []string
	for name, codec := range map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()} {
		c := client(kgo.ProducerBatchCompression(codec), kgo.DefaultProduceTopic("go-codecs"))
		var records []*kgo.Record
		for i := 0; i < 200; i++ {
			value := fmt.Sprintf("%s %d é", name, i)
			expected = append(expected, value)
			records = append(records, &kgo.Record{Value: []byte(value), Key: []byte("k"), Headers: []kgo.RecordHeader{{Key: "h", Value: nil}}})
		}
		must(c.ProduceSync(within(), records...).FirstErr())
		c.Close()
	}
	got := consume(1000, kgo.ConsumeTopics("go-codecs"), kgo.ConsumerGroup("go-codecs"))
	sort.Strings(got)
	sort.Strings(expected)
	check(fmt.Sprint(got) == fmt.Sprint(expected), "got %v", got)
	ends, err := admin.ListEndOffsets(within(), "go-codecs")
	must(err)
	end, _ := ends.Lookup("go-codecs", 0)
	check(end.Offset == 1000, "end %d", end.Offset)
}

func groups() {
	admin := create("go-groups", 4)
	defer admin.Close()
	producer := client(kgo.DefaultProduceTopic("go-groups"), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	defer producer.Close()
	for i := 0; i < 100; i++ {
		must(producer.ProduceSync(within(), kgo.StringRecord(fmt.Sprint(i))).FirstErr())
	}
	// Two members share the partitions, cooperatively; each record comes to one of them.
	ctx := within()
	seen := make(chan string, 1000)
	for i := 0; i < 2; i++ {
		member := client(kgo.ConsumeTopics("go-groups"), kgo.ConsumerGroup("go-readers"), kgo.Balancers(kgo.CooperativeStickyBalancer()),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AutoCommitInterval(100*time.Millisecond), kgo.HeartbeatInterval(100*time.Millisecond))
		defer member.Close()
		go func() {
			for ctx.Err() == nil {
				fetches := member.PollFetches(ctx)
				fetches.EachRecord(func(r *kgo.Record) { seen <- string(r.Value) })
			}
		}()
	}
	values := map[string]int{}
	for len(values) < 100 {
		select {
		case value := <-seen:
			values[value]++
		case <-ctx.Done():
			panic(fmt.Sprintf("only %d", len(values)))
		}
	}
	lags, err := admin.Lag(within(), "go-readers")
	must(err)
	must(lags.Error())
	check(len(lags["go-readers"].Members) >= 1, "no members")
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		lags, err = admin.Lag(within(), "go-readers")
		must(err)
		if lags["go-readers"].Lag.Total() == 0 {
			break
		}
		check(time.Now().Before(until), "lag stays %d", lags["go-readers"].Lag.Total())
	}
}

func transactions() {
	admin := create("go-transactions", 1)
	defer admin.Close()
	producer := client(kgo.TransactionalID("go-transactional"), kgo.DefaultProduceTopic("go-transactions"))
	defer producer.Close()
	for _, step := range []struct {
		value string
		end   kgo.TransactionEndTry
	}{{"a", kgo.TryCommit}, {"b", kgo.TryAbort}, {"c", kgo.TryCommit}} {
		must(producer.BeginTransaction())
		must(producer.ProduceSync(within(), kgo.StringRecord(step.value)).FirstErr())
		must(producer.EndTransaction(within(), step.end))
	}
	committed := consume(2, kgo.ConsumeTopics("go-transactions"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	check(fmt.Sprint(committed) == "[a c]", "got %v", committed)
	all := consume(3, kgo.ConsumeTopics("go-transactions"))
	check(fmt.Sprint(all) == "[a b c]", "got %v", all)
	// A second producer of the same transactional id fences the first.
	second := client(kgo.TransactionalID("go-transactional"), kgo.DefaultProduceTopic("go-transactions"))
	defer second.Close()
	must(second.BeginTransaction())
	must(second.ProduceSync(within(), kgo.StringRecord("d")).FirstErr())
	must(second.EndTransaction(within(), kgo.TryCommit))
	must(producer.BeginTransaction())
	err := producer.ProduceSync(within(), kgo.StringRecord("never")).FirstErr()
	check(err != nil && !errors.Is(err, context.DeadlineExceeded), "a fenced producer wrote: %v", err)
}

// Reads go-in and writes go-out, with its offsets, in transactions of twenty records; the second is aborted, before the third the program
// begins anew.
func exactlyOnce() {
	create("go-in", 1).Close()
	create("go-out", 1).Close()
	source := client(kgo.DefaultProduceTopic("go-in"))
	defer source.Close()
	var expected []string
	for i := 0; i < 60; i++ {
		must(source.ProduceSync(within(), kgo.StringRecord(fmt.Sprint(i))).FirstErr())
		expected = append(expected, fmt.Sprint("-", i))
	}
	begin := func() *kgo.GroupTransactSession {
		session, err := kgo.NewGroupTransactSession(append(connection(), kgo.ConsumeTopics("go-in"), kgo.ConsumerGroup("go-transform"),
			kgo.TransactionalID("go-transform"), kgo.DefaultProduceTopic("go-out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RequireStableFetchOffsets())...)
		must(err)
		return session
	}
	session := begin()
	for step, first := range []int{0, 20, 20, 40} {
		if step == 2 {
			session.Close()
			session = begin()
		}
		must(session.Begin())
		for taken := 0; taken < 20; {
			fetches := session.PollRecords(within(), 20-taken)
			for _, problem := range fetches.Errors() {
				must(problem.Err)
			}
			fetches.EachRecord(func(r *kgo.Record) {
				check(string(r.Value) == fmt.Sprint(first+taken), "read %s, not %d", r.Value, first+taken)
				must(session.ProduceSync(within(), kgo.StringRecord("-"+string(r.Value))).FirstErr())
				taken++
			})
		}
		committed, err := session.End(within(), kgo.TransactionEndTry(step != 1))
		must(err)
		check(committed == (step != 1), "transaction %d: committed is %v", step, committed)
	}
	session.Close()
	committed := consume(60, kgo.ConsumeTopics("go-out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	check(fmt.Sprint(committed) == fmt.Sprint(expected), "got %v", committed)
	check(len(consume(80, kgo.ConsumeTopics("go-out"))) == 80, "the aborted records were not written")
}

func login() {
	topic := "go-" + os.Getenv("KAFKA_MECHANISM")
	admin := create(topic, 1)
	defer admin.Close()
	producer := client(kgo.DefaultProduceTopic(topic))
	defer producer.Close()
	must(producer.ProduceSync(within(), kgo.StringRecord("logged in")).FirstErr())
	got := consume(1, kgo.ConsumeTopics(topic), kgo.ConsumerGroup(topic))
	check(fmt.Sprint(got) == "[logged in]", "got %v", got)
}

func admin() {
	admin := create("go-admin", 1)
	defer admin.Close()
	producer := client(kgo.DefaultProduceTopic("go-admin"))
	defer producer.Close()
	for i := 0; i < 10; i++ {
		must(producer.ProduceSync(within(), kgo.StringRecord(fmt.Sprint(i))).FirstErr())
	}
	grown, err := admin.UpdatePartitions(within(), 3, "go-admin")
	must(err)
	must(grown.Error())
	for _, alter := range []func(context.Context, []kadm.AlterConfig, ...string) (kadm.AlterConfigsResponses, error){
		admin.AlterTopicConfigs, admin.AlterTopicConfigsState} {
		value := "86400000"
		altered, err := alter(within(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &value}}, "go-admin")
		must(err)
		must(altered[0].Err)
	}
	_, err = admin.DescribeTopicConfigs(within(), "go-admin")
	must(err)
	var before kadm.Offsets
	before.AddOffset("go-admin", 0, 0, -1)
	trimmed, err := admin.DeleteRecords(within(), before)
	must(err)
	must(trimmed.Error())
	dirs, err := admin.DescribeAllLogDirs(within(), nil)
	must(err)
	check(len(dirs) == 1, "%d brokers", len(dirs))
	var topic kadm.TopicsSet
	topic.Add("go-admin", 0)
	_, err = admin.ElectLeaders(within(), kadm.ElectPreferredReplica, topic)
	must(err)
	_, err = admin.ListPartitionReassignments(within(), topic)
	must(err)
	_, err = admin.DescribeProducers(within(), topic)
	must(err)
	_, err = admin.ListTransactions(within(), nil, nil)
	must(err)
	var same kadm.AlterPartitionAssignmentsReq
	same.Assign("go-admin", 0, []int32{1})
	_, err = admin.AlterPartitionAssignments(within(), same)
	must(err)
	var epochs kadm.OffsetForLeaderEpochRequest
	epochs.Add("go-admin", 0, 0)
	_, err = admin.OffetForLeaderEpoch(within(), epochs)
	must(err)
	// Users have roles, not ACLs: every answer says that there are none.
	acls := kadm.NewACLs().Topics("go-admin").ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpRead).Allow("User:x").AllowHosts("*")
	created, err := admin.CreateACLs(within(), acls)
	must(err)
	check(len(created) == 1 && created[0].Err != nil, "ACLs: %v", created)
	_, err = admin.DeleteACLs(within(), acls)
	must(err)
	deleted, err := admin.DeleteTopics(within(), "go-admin")
	must(err)
	must(deleted["go-admin"].Err)
}

func main() {
	bootstrap = os.Args[1]
	map[string]func(){"codecs": codecs, "groups": groups, "transactions": transactions, "admin": admin, "exactly_once": exactlyOnce,
		"login": login}[os.Args[2]]()
	fmt.Println("ok " + os.Args[2])
}
