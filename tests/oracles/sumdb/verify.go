// Verify reads a log from a folder of tiles and checks it with golang.org/x/mod/sumdb alone: signatures, the tree over all entries,
// every tile, and proofs that another implementation made. It prints what it counted as JSON; whatever does not fit ends it with a
// sentence on standard error.
//
// The tree is built anew from the entries, because tlog.TileHashReader leaves tiles unchecked when the hashes at the right edge lie
// in fewer tiles than there are hashes: it counts the tiles by the hashes.
//
// Usage: verify FOLDER LOG-KEY WITNESS-KEY PROOFS.json
package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// Proofs is what the other implementation claims.
type Proofs struct {
	Inclusion []struct {
		Index int64
		Path  []tlog.Hash
	}
	Consistency []struct {
		Checkpoint string
		Path       []tlog.Hash
	}
}

// Counted is what was checked.
type Counted struct {
	Entries     int64 `json:"entries"`
	Tiles       int   `json:"tiles"`
	Inclusion   int   `json:"inclusion"`
	Consistency int   `json:"consistency"`
	CosignedAt  int64 `json:"cosigned_at"`
}

func main() {
	if len(os.Args) != 5 {
		fail(errors.New("usage: verify FOLDER LOG-KEY WITNESS-KEY PROOFS.json"))
	}
	counted, err := verify(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(counted); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func verify(folder, logKey, witnessKey, proofsFile string) (counted Counted, err error) {
	logVerifier, err := note.NewVerifier(logKey)
	if err != nil {
		return counted, fmt.Errorf("log key: %w", err)
	}
	witness, err := newWitness(witnessKey)
	if err != nil {
		return counted, fmt.Errorf("witness key: %w", err)
	}
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return counted, err
	}
	tree, err := openCheckpoint(signed, logVerifier, witness)
	if err != nil {
		return counted, fmt.Errorf("checkpoint: %w", err)
	}
	counted.CosignedAt = witness.time
	grown, err := grow(folder, tree.N)
	if err != nil {
		return counted, err
	}
	if root, err := tlog.TreeHash(tree.N, grown); err != nil || root != tree.Hash {
		return counted, fmt.Errorf("the entries have another root: %v %v", root, err)
	}
	counted.Entries = tree.N
	if counted.Tiles, err = checkTiles(folder, tree.N, grown); err != nil {
		return counted, err
	}
	var proofs Proofs
	content, err := os.ReadFile(proofsFile)
	if err != nil {
		return counted, err
	}
	if err := json.Unmarshal(content, &proofs); err != nil {
		return counted, fmt.Errorf("proofs: %w", err)
	}
	served := tlog.TileHashReader(tree, tiles(folder))
	for _, claim := range proofs.Inclusion {
		if err := checkInclusion(tree, grown, served, claim.Index, claim.Path); err != nil {
			return counted, fmt.Errorf("inclusion of %d: %w", claim.Index, err)
		}
		counted.Inclusion++
	}
	for _, claim := range proofs.Consistency {
		older, err := openCheckpoint([]byte(claim.Checkpoint), logVerifier)
		if err != nil {
			return counted, fmt.Errorf("older checkpoint: %w", err)
		}
		if err := checkConsistency(tree, grown, served, older, claim.Path); err != nil {
			return counted, fmt.Errorf("consistency with %d: %w", older.N, err)
		}
		counted.Consistency++
	}
	return counted, nil
}

// openCheckpoint returns the tree head in a note that every one of the verifiers has signed.
func openCheckpoint(signed []byte, verifiers ...note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifiers...))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(opened.Sigs) != len(verifiers) {
		return tlog.Tree{}, fmt.Errorf("%d of %d signatures", len(opened.Sigs), len(verifiers))
	}
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	if origin != verifiers[0].Name() {
		return tlog.Tree{}, fmt.Errorf("origin %q", origin)
	}
	// The checksum database's heads have a fixed first line where others have their origin.
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

// stored holds the hashes of a tree in the order of tlog.StoredHashIndex.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(s)) {
			return nil, errors.New("no such hash")
		}
		hashes[i] = s[index]
	}
	return hashes, nil
}

// grow builds the tree over the entries in the bundles.
func grow(folder string, size int64) (stored, error) {
	grown := make(stored, 0, tlog.StoredHashCount(size))
	for start := int64(0); start < size; start += tileWidth {
		tile := tileAt(0, start/tileWidth, size)
		bundle, err := os.ReadFile(filepath.Join(folder, strings.Replace(tilesPath(tile), "tile/0/", "tile/entries/", 1)))
		if err != nil {
			return nil, err
		}
		for i := int64(0); i < int64(tile.W); i++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return nil, fmt.Errorf("entry %d is cut short", start+i)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			hashes, err := tlog.StoredHashes(start+i, bundle[2:end], grown)
			if err != nil {
				return nil, err
			}
			grown = append(grown, hashes...)
			bundle = bundle[end:]
		}
		if len(bundle) != 0 {
			return nil, fmt.Errorf("more entries than leaves after %d", start)
		}
	}
	return grown, nil
}

// checkTiles compares every tile of the tree with what it has to hold, and returns their number.
func checkTiles(folder string, size int64, grown stored) (int, error) {
	count := 0
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		for n := int64(0); n*tileWidth < size>>(tileHeight*level); n++ {
			tile := tileAt(level, n, size)
			expected, err := tlog.ReadTileData(tile, grown)
			if err != nil {
				return count, err
			}
			served, err := tiles(folder).ReadTiles([]tlog.Tile{tile})
			if err != nil {
				return count, err
			}
			if !bytes.Equal(served[0], expected) {
				return count, fmt.Errorf("%s holds other hashes", tilesPath(tile))
			}
			count++
		}
	}
	return count, nil
}

// tileAt is a tile as a tree of this size has it.
func tileAt(level int, n, size int64) tlog.Tile {
	width := size>>(tileHeight*level) - n*tileWidth
	if width > tileWidth {
		width = tileWidth
	}
	return tlog.Tile{H: tileHeight, L: level, N: n, W: int(width)}
}

func checkInclusion(tree tlog.Tree, grown stored, served tlog.HashReader, index int64, claimed tlog.RecordProof) error {
	if index < 0 || index >= tree.N {
		return errors.New("no such leaf")
	}
	leaf := grown[tlog.StoredHashIndex(0, index)]
	if err := tlog.CheckRecord(claimed, tree.N, tree.Hash, index, leaf); err != nil {
		return err
	}
	for _, reader := range []tlog.HashReader{grown, served} {
		own, err := tlog.ProveRecord(tree.N, index, reader)
		if err != nil {
			return err
		}
		if err := same(own, claimed); err != nil {
			return err
		}
	}
	return nil
}

func checkConsistency(tree tlog.Tree, grown stored, served tlog.HashReader, older tlog.Tree, claimed tlog.TreeProof) error {
	if err := tlog.CheckTree(claimed, tree.N, tree.Hash, older.N, older.Hash); err != nil {
		return err
	}
	for _, reader := range []tlog.HashReader{grown, served} {
		own, err := tlog.ProveTree(tree.N, older.N, reader)
		if err != nil {
			return err
		}
		if err := same(own, claimed); err != nil {
			return err
		}
	}
	return nil
}

func same(own, claimed []tlog.Hash) error {
	if len(own) != len(claimed) {
		return fmt.Errorf("the proof has %d hashes, not %d", len(claimed), len(own))
	}
	for i := range own {
		if own[i] != claimed[i] {
			return fmt.Errorf("hash %d of the proof is another", i)
		}
	}
	return nil
}

// tiles is a folder with tiles at the paths of c2sp.org/tlog-tiles.
type tiles string

func (t tiles) Height() int { return tileHeight }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(wanted))
	for i, tile := range wanted {
		content, err := os.ReadFile(filepath.Join(string(t), tilesPath(tile)))
		if err != nil {
			return nil, err
		}
		read[i] = content
	}
	return read, nil
}

// tilesPath is where tlog-tiles has a tile: the checksum database names the height too, "tile/8/0/000".
func tilesPath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
}

// witness verifies cosignature/v1 (c2sp.org/tlog-cosignature), which sumdb/note does not know.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
	time int64
}

func newWitness(vkey string) (*witness, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not name+id+key")
	}
	id, err := hex.DecodeString(parts[1])
	if err != nil || len(id) != 4 {
		return nil, errors.New("not an id")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("not the key of a witness")
	}
	return &witness{name: parts[0], hash: binary.BigEndian.Uint32(id), key: key[1:]}, nil
}

func (w *witness) Name() string { return w.name }

func (w *witness) KeyHash() uint32 { return w.hash }

func (w *witness) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	w.time = int64(binary.BigEndian.Uint64(signature))
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", w.time, text)
	return ed25519.Verify(w.key, []byte(message), signature[8:])
}
