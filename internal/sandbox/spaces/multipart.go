// SPDX-License-Identifier: Apache-2.0

package spaces

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// upload is a multipart upload under way. It ends with the process: its id is then not known any more.
type upload struct {
	bucket string
	key    string
	as     *version
	begun  time.Time
	born   time.Duration
	parts  map[int]part
}

type part struct {
	id       string // of its file
	etag     string
	size     int64
	modified time.Time
}

func (q *call) beginUpload() error {
	v, err := q.described()
	if err != nil {
		return err
	}
	id := token(16)
	return q.inBucket(func(b *bucket) error {
		q.server.uploads[id] = &upload{b.Name, q.key, v, q.server.options.Clock.Wall().UTC(), q.server.lived(), map[int]part{}}
		return q.reply(struct {
			XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
			Bucket   string
			Key      string
			UploadID string `xml:"UploadId"`
		}{Bucket: q.bucket, Key: q.key, UploadID: id})
	})
}

// upload finds the upload that is asked for. It is called with the lock held.
func (q *call) upload() (*upload, error) {
	u := q.server.uploads[q.query.Get("uploadId")]
	if u == nil || u.bucket != q.bucket || u.key != q.key {
		return nil, refused(http.StatusNotFound, "NoSuchUpload", "The specified multipart upload does not exist. The upload ID might be invalid, or the multipart upload might have been aborted or completed.")
	}
	return u, nil
}

func (q *call) putPart() error {
	p, err := q.receivePart(q.Body, true)
	if err != nil {
		return err
	}
	q.w.Header().Set("ETag", `"`+p.etag+`"`)
	q.w.WriteHeader(http.StatusOK)
	return nil
}

// copyPart takes a part from an object of the same region.
func (q *call) copyPart() error {
	_, file, err := q.source()
	if err != nil {
		return err
	}
	defer file.Close()
	var from io.Reader = file
	if text := q.Header.Get("X-Amz-Copy-Source-Range"); text != "" {
		var first, last int64
		if _, err := fmt.Sscanf(text, "bytes=%d-%d", &first, &last); err != nil || last < first {
			return badArgument("x-amz-copy-source-range must be bytes=first-last")
		}
		from = io.NewSectionReader(file, first, last-first+1)
	}
	p, err := q.receivePart(from, false)
	if err != nil {
		return err
	}
	return q.reply(struct {
		XMLName      xml.Name `xml:"CopyPartResult"`
		LastModified string
		ETag         string
	}{LastModified: p.modified.Format(xmlTime), ETag: `"` + p.etag + `"`})
}

func (q *call) receivePart(from io.Reader, sent bool) (part, error) {
	number, err := strconv.Atoi(q.query.Get("partNumber"))
	if err != nil || number < 1 || number > 10000 {
		return part{}, badArgument("Part number must be an integer between 1 and 10000, inclusive")
	}
	if err := q.inBucket(func(*bucket) error {
		_, err := q.upload()
		return err
	}); err != nil {
		return part{}, err
	}
	sum := md5.New()
	p := part{modified: q.server.options.Clock.Wall().UTC()}
	if p.id, p.size, err = q.server.receive(q.bucket, from, maxPut, sum); err != nil {
		return part{}, err
	}
	p.etag = hex.EncodeToString(sum.Sum(nil))
	if sent {
		err = q.checkMD5(sum.Sum(nil))
	}
	if err == nil {
		err = q.inBucket(func(*bucket) error {
			u, err := q.upload()
			if err == nil {
				if old, ok := u.parts[number]; ok {
					err = q.server.discard(q.bucket, old.id)
				}
				u.parts[number] = p
			}
			return err
		})
	}
	if err != nil {
		err = errors.Join(err, q.server.discard(q.bucket, p.id))
	}
	return p, err
}

// completeUpload joins the parts that are named, in order.
func (q *call) completeUpload() error {
	var in struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	for i := 1; i < len(in.Part); i++ {
		if in.Part[i].PartNumber <= in.Part[i-1].PartNumber {
			return refused(http.StatusBadRequest, "InvalidPartOrder", "The list of parts was not in ascending order.")
		}
	}
	return q.inBucket(func(b *bucket) error {
		u, err := q.upload()
		if err != nil {
			return err
		}
		var files []io.Reader
		defer func() {
			for _, f := range files {
				f.(*os.File).Close()
			}
		}()
		sums := md5.New()
		for i, named := range in.Part {
			p, ok := u.parts[named.PartNumber]
			switch {
			case !ok || strings.Trim(named.ETag, `"`) != p.etag:
				return refused(http.StatusBadRequest, "InvalidPart", "Part %d could not be found, or its ETag is another.", named.PartNumber)
			case p.size < minPart && i < len(in.Part)-1:
				return refused(http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size: every part but the last needs 5 MiB.")
			}
			f, err := os.Open(filepath.Join(q.server.bucketDir(b.Name), p.id))
			if err != nil {
				return err
			}
			files = append(files, f)
			sum, err := hex.DecodeString(p.etag)
			if err != nil {
				return err
			}
			sums.Write(sum)
		}
		if len(files) == 0 {
			return malformed(badArgument("you must specify at least one part"))
		}
		v := u.as
		if v.ID, v.Size, err = q.server.receive(b.Name, io.MultiReader(files...), maxObject); err != nil {
			return err
		}
		v.ETag = hex.EncodeToString(sums.Sum(nil)) + "-" + strconv.Itoa(len(files))
		if err := q.server.put(b, v); err != nil {
			return err
		}
		q.server.dropUpload(q.query.Get("uploadId"))
		q.showVersion(b, v)
		return q.reply(struct {
			XMLName  xml.Name `xml:"CompleteMultipartUploadResult"`
			Location string
			Bucket   string
			Key      string
			ETag     string
		}{Location: "/" + q.bucket + "/" + q.key, Bucket: q.bucket, Key: q.key, ETag: `"` + v.ETag + `"`})
	})
}

func (q *call) abortUpload() error {
	return q.inBucket(func(*bucket) error {
		if _, err := q.upload(); err != nil {
			return err
		}
		q.server.dropUpload(q.query.Get("uploadId"))
		q.w.WriteHeader(http.StatusNoContent)
		return nil
	})
}

func (q *call) listParts() error {
	type entry struct {
		PartNumber   int
		LastModified string
		ETag         string
		Size         int64
	}
	return q.inBucket(func(*bucket) error {
		u, err := q.upload()
		if err != nil {
			return err
		}
		out := struct {
			XMLName     xml.Name `xml:"ListPartsResult"`
			Bucket      string
			Key         string
			UploadID    string `xml:"UploadId"`
			IsTruncated bool
			Part        []entry
		}{Bucket: q.bucket, Key: q.key, UploadID: q.query.Get("uploadId")}
		for n, p := range u.parts {
			out.Part = append(out.Part, entry{n, p.modified.Format(xmlTime), `"` + p.etag + `"`, p.size})
		}
		slices.SortFunc(out.Part, func(x, y entry) int { return x.PartNumber - y.PartNumber })
		return q.reply(out)
	})
}

func (q *call) listUploads() error {
	type entry struct {
		Key       string
		UploadID  string `xml:"UploadId"`
		Initiated string
	}
	return q.inBucket(func(b *bucket) error {
		out := struct {
			XMLName     xml.Name `xml:"ListMultipartUploadsResult"`
			Bucket      string
			IsTruncated bool
			Upload      []entry
		}{Bucket: b.Name}
		for id, u := range q.server.uploads {
			if u.bucket == b.Name && strings.HasPrefix(u.key, q.query.Get("prefix")) {
				out.Upload = append(out.Upload, entry{u.key, id, u.begun.Format(xmlTime)})
			}
		}
		slices.SortFunc(out.Upload, func(x, y entry) int { return strings.Compare(x.Key+x.UploadID, y.Key+y.UploadID) })
		return q.reply(out)
	})
}
