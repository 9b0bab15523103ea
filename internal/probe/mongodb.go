// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// collection writes a document to a collection of its own in MongoDB, reads it again, and drops the collection. Hosts are where
// servers are asked for; one alone is taken as it is when direct, and leads to its primary otherwise.
func (d *Database) collection(ctx context.Context, b map[string]string, database string, hosts []string, config *tls.Config) (proven string, err error) {
	client, told, leave, err := mongoClient(ctx, b, hosts, d.Address != "", config)
	if err != nil {
		return "", err
	}
	defer leave()
	if d.Ask { // the connection signs in before it carries anything
		if err := client.Database(database).RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Err(); err != nil {
			return "", told(err)
		}
		return answered("MongoDB", b), nil
	}
	word := unique()
	own := client.Database(database).Collection(word)
	if _, err := own.InsertOne(ctx, bson.D{{Key: "_id", Value: word}}); err != nil {
		return "", told(err)
	}
	defer func() {
		ctx, cancel := mongoEnding(ctx)
		defer cancel()
		if e := own.Drop(ctx); e != nil && err == nil {
			proven, err = "", fmt.Errorf("a document was written and read again, and its collection %s cannot be dropped: %w", word, told(e))
		}
	}()
	switch err := own.FindOne(ctx, bson.D{{Key: "_id", Value: word}}).Err(); {
	case errors.Is(err, mongo.ErrNoDocuments):
		return "", &trouble{what: "MongoDB took a document and does not show it again", look: "its logs"}
	case err != nil:
		return "", told(err)
	}
	return fmt.Sprintf("a document was written to the database %s as %s, and read again", database, b["username"]), nil
}

// mongoClient is one of a server, or of the servers that hosts lead to; told makes of an error what a person is told, and leave ends it.
func mongoClient(ctx context.Context, b map[string]string, hosts []string, direct bool, config *tls.Config) (client *mongo.Client, told func(error) error, leave func(), err error) {
	var last atomic.Pointer[error] // why no server could be chosen, which the driver has among its topology
	client, err = mongo.Connect(options.Client().SetHosts(hosts).SetDirect(direct).SetTLSConfig(config).SetAppName("k8or-probe").
		SetAuth(options.Credential{AuthSource: "admin", Username: b["username"], Password: b["password"], PasswordSet: true}).
		SetServerMonitor(&event.ServerMonitor{ServerHeartbeatFailed: func(e *event.ServerHeartbeatFailedEvent) { last.Store(&e.Failure) }}))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("make a client of MongoDB: %w", err)
	}
	leave = func() {
		ctx, cancel := mongoEnding(ctx)
		defer cancel()
		client.Disconnect(ctx) //nolint:errcheck // nothing is left to be lost
	}
	told = func(err error) error {
		if why := last.Load(); why != nil && !errors.As(err, new(mongo.ServerError)) {
			err = errors.Join(*why, ctx.Err())
		}
		return toldOf("MongoDB", err, b["username"])
	}
	return client, told, leave, nil
}

// mongoEnding is the time for what comes last.
func mongoEnding(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}

// led are the servers that a Binding's uri leads to.
func led(ctx context.Context, g given, binding string, b map[string]string, at string, config *tls.Config) ([]string, error) {
	uri, err := g.file(path.Join(binding, "uri"))
	if err != nil || !strings.HasPrefix(string(uri), "mongodb+srv://") {
		return []string{at}, err
	}
	if config != nil {
		config.ServerName = "" // each of them has a name of its own
	}
	return members(ctx, b["host"])
}

// members are the servers of a MongoDB whose Binding has an address of the kind mongodb+srv: DNS has them, with their ports.
func members(ctx context.Context, host string) ([]string, error) {
	_, records, err := net.DefaultResolver.LookupSRV(ctx, "mongodb", "tcp", host)
	if err != nil {
		return nil, &trouble{what: "DNS does not know the servers of " + host, look: "whether the database is online", cause: err}
	}
	var out []string
	for _, r := range records {
		out = append(out, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
	}
	return slices.Compact(slices.Sorted(slices.Values(out))), nil
}

// mongoSays tells MongoDB's errors that are about who signs in, and about what they may do.
func mongoSays(err error) (message string, user, rights, ok bool) {
	var e mongo.ServerError
	if !errors.As(err, &e) {
		return "", false, false, false
	}
	const unauthorized, authenticationFailed = 13, 18
	if c, is := errors.AsType[mongo.CommandError](err); is {
		message = c.Message
	} else {
		message = e.Error()
	}
	return message, e.HasErrorCode(authenticationFailed), e.HasErrorCode(unauthorized), true
}
