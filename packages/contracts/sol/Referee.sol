// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Elements} from "./Elements.sol";
import {Agreed, IReferee, ItemFacts, JoinOpening, Opening} from "./IReferee.sol";
import {ScalarMachine} from "./ScalarMachine.sol";
import {SoftFloat} from "./SoftFloat.sol";
import {Trees} from "./Trees.sol";

/// @title The referee
/// @notice Computes one place of a step: an element, a step of a fold, a combination, a join. It takes nothing on
/// trust: every coordinate, clamp, pad and guard is computed here from the item's encoding, and every word that is read
/// is opened against what both parties agree on.
///
/// It is total, and it tells two kinds of fault apart. What is wrong with the program itself (the item's encoding at this
/// point) reverts with `InvalidProgram` or `ScalarMachine.ScalarMalformed`, and is nobody's fault but the requester's.
/// What is wrong with the openings reverts with another error, and is the fault of whoever sent them.
contract Referee is IReferee {
    uint256 private constant MAP = 0;
    uint256 private constant BLOCKED = 1;
    uint256 private constant CHAIN = 2;
    uint256 private constant SCAN = 3;
    uint256 private constant JOIN = 4;

    uint256 private constant NODE = 0;
    uint256 private constant STATE = 1;
    uint256 private constant ZERO = 3;

    uint256 private constant BLOCK = 256;
    uint256 private constant LEAF = 256;
    uint256 private constant RANK = 8;
    uint256 private constant BOX_RANK = 6;
    uint256 private constant READS = 8;
    uint256 private constant GUARDS = 4;
    uint256 private constant ELEMENTS = 0x7fffffff;

    /// One opened and proven leaf.
    struct Source {
        uint256 key;
        uint256 elements; // of its tensor
        uint256 dtype;
        uint256 data; // where its bytes begin in the calldata
    }

    /// An item's places: offsets into its encoding.
    struct Layout {
        uint256 kind;
        uint256 dtype;
        uint256 dims;
        uint256 rank;
        uint256 elements;
        uint256 box;
        uint256 boxRank;
        uint256 points;
        uint256 reads; // where the count of reads stands
    }

    /// What reads are made with.
    struct Scene {
        Source[] sources;
        uint256 nodes; // reads may name nodes below this
        uint256 states;
        uint256 inputs;
        uint256[] point; // of the iteration space
        uint256 coordinates; // how many of the point's coordinates affine forms may use
    }

    // Entry points ------------------------------------------------------------------------------------------------

    /// @inheritdoc IReferee
    function describe(bytes calldata item) external pure returns (ItemFacts memory facts) {
        unchecked {
            Layout memory layout = _layout(item);
            facts.kind = uint8(layout.kind);
            uint256 at = layout.reads;
            if (layout.kind == JOIN) {
                for (uint256 side = 0; side < 2; ++side) {
                    if (_u8(item, at) > ZERO) revert InvalidProgram();
                    _u16(item, at + 1);
                    at += 3;
                }
            } else {
                facts.dtype = uint8(layout.dtype);
                facts.rank = uint8(layout.rank);
                facts.elements = uint32(layout.elements);
                facts.points = uint32(layout.points);
                if (layout.kind == MAP) {
                    at = ScalarMachine.skip(item, _skipReads(item, at));
                } else {
                    at = ScalarMachine.skip(item, _skipInit(item, _skipGuards(item, _skipReads(item, at)), layout.kind));
                    if (layout.kind == BLOCKED) at = ScalarMachine.skip(item, at);
                }
            }
            if (at != item.length) revert InvalidProgram();
        }
    }

    /// @inheritdoc IReferee
    function judgeElement(
        Agreed calldata agreed,
        bytes calldata item,
        uint256 position,
        bytes calldata own,
        Opening[] calldata openings
    ) external view returns (uint256 bits) {
        unchecked {
            Layout memory layout = _layout(item);
            if (layout.kind == JOIN || position >= layout.elements) revert NoSuchPlace();
            Scene memory scene = _scene(agreed, openings);
            uint256 word;
            if (layout.kind == MAP) {
                scene.point = new uint256[](layout.rank);
                scene.coordinates = layout.rank;
                _unravel(item, layout.dims, layout.rank, position, scene.point, 0);
                (uint256[] memory arguments, uint256 at) = _arguments(item, layout.reads, scene, 0);
                word = _run(item, at, arguments, scene.point, layout.dtype);
            } else if (layout.kind == SCAN) {
                uint256 k = position % layout.points;
                uint256 last;
                if (k != 0) {
                    uint256 perLeaf = LEAF / Elements.size(layout.dtype);
                    uint256 inLeaf = position % perLeaf;
                    if (inLeaf != 0) {
                        if (own.length * perLeaf < inLeaf * LEAF) revert NoSuchPlace();
                        uint256 data;
                        assembly ("memory-safe") {
                            data := own.offset
                        }
                        last = Elements.bits(layout.dtype, data, inLeaf - 1);
                    } else {
                        Source memory source = _find(scene, NODE, agreed.item, position / perLeaf - 1);
                        if (source.dtype != layout.dtype || source.elements != layout.elements) {
                            revert OpeningMismatch(NODE, agreed.item);
                        }
                        last = Elements.bits(layout.dtype, source.data, perLeaf - 1);
                    }
                    last = Elements.load(layout.dtype, last);
                }
                word = _step(item, layout, scene, position / layout.points, k, last);
            } else if (layout.points == 1) {
                word = _step(item, layout, scene, position, 0, 0);
            } else {
                if (layout.points != 0) revert NoSuchPlace();
                scene.point = new uint256[](layout.rank);
                scene.coordinates = layout.rank;
                _unravel(item, layout.dims, layout.rank, position, scene.point, 0);
                (word,) = _init(item, _skipGuards(item, _skipReads(item, layout.reads)), layout, scene, true);
            }
            bits = Elements.store(layout.dtype, word);
        }
    }

    /// @inheritdoc IReferee
    function judgeStep(
        Agreed calldata agreed,
        bytes calldata item,
        uint256 position,
        uint256 k,
        uint256 accumulator,
        Opening[] calldata openings
    ) external view returns (uint256 word) {
        Layout memory layout = _layout(item);
        if (layout.kind != BLOCKED && layout.kind != CHAIN) revert NoSuchPlace();
        if (position >= layout.elements || k >= layout.points) revert NoSuchPlace();
        word = _step(item, layout, _scene(agreed, openings), position, k, accumulator);
    }

    /// @inheritdoc IReferee
    function judgeCombine(bytes calldata item, bool first, uint256 accumulator, uint256 result)
        external
        pure
        returns (uint256 word)
    {
        Layout memory layout = _layout(item);
        if (layout.kind != BLOCKED) revert NoSuchPlace();
        uint256 at = _skipGuards(item, _skipReads(item, layout.reads));
        uint256[] memory arguments = new uint256[](2);
        arguments[0] = first ? _u32(item, at) : accumulator;
        arguments[1] = result;
        at = ScalarMachine.skip(item, at + 4);
        uint256 register = Elements.register(layout.dtype);
        _checkRegister(item, at, 0, register);
        _checkRegister(item, at, 1, register);
        word = _run(item, at, arguments, new uint256[](0), layout.dtype);
    }

    /// @inheritdoc IReferee
    function judgeJoin(
        Agreed calldata agreed,
        bytes calldata item,
        JoinOpening calldata left,
        JoinOpening calldata right
    ) external view returns (bytes32) {
        if (item.length != 7 || _u8(item, 0) != JOIN || _u8(item, 1) > ZERO || _u8(item, 4) > ZERO) {
            revert InvalidProgram();
        }
        return Trees.parent(_joined(agreed, item, 1, left), _joined(agreed, item, 4, right));
    }

    // Steps -------------------------------------------------------------------------------------------------------

    /// @param outer The position among the coordinates before the box.
    function _step(
        bytes calldata item,
        Layout memory layout,
        Scene memory scene,
        uint256 outer,
        uint256 k,
        uint256 accumulator
    ) private pure returns (uint256) {
        unchecked {
            uint256 outerRank = layout.kind == SCAN ? layout.rank - layout.boxRank : layout.rank;
            scene.point = new uint256[](outerRank + layout.boxRank);
            _unravel(item, layout.dims, outerRank, outer, scene.point, 0);
            _unravel(item, layout.box, layout.boxRank, k, scene.point, outerRank);

            uint256 guards = _skipReads(item, layout.reads);
            uint256 init = _skipGuards(item, guards);
            bool first = layout.kind == BLOCKED ? k % BLOCK == 0 : k == 0;
            // The init's read may use the output's coordinates only.
            scene.coordinates = outerRank;
            (uint256 word, uint256 program) = _init(item, init, layout, scene, first);
            if (!first) {
                word = Elements.register(layout.dtype) == 0 ? SoftFloat.canonical(accumulator) : accumulator;
            }
            scene.coordinates = scene.point.length;
            if (!_guardsHold(item, guards, scene)) return word;
            (uint256[] memory arguments,) = _arguments(item, layout.reads, scene, 1);
            arguments[0] = word;
            // The other registers were compared with those of the reads.
            _checkArguments(item, layout.reads, program, 1);
            _checkRegister(item, program, 0, Elements.register(layout.dtype));
            return _run(item, program, arguments, scene.point, layout.dtype);
        }
    }

    /// The node's init, where it is wanted, and where its step program stands.
    function _init(bytes calldata item, uint256 at, Layout memory layout, Scene memory scene, bool wanted)
        private
        pure
        returns (uint256 word, uint256 next)
    {
        unchecked {
            uint256 register = Elements.register(layout.dtype);
            if (layout.kind != BLOCKED) {
                uint256 flag = _u8(item, at++);
                if (flag > 1) revert InvalidProgram();
                if (flag == 1) {
                    if (!wanted) return (0, _skipRead(item, at));
                    // The register that a read gives is that of its dtype, which stands behind its ref.
                    if (_registerOf(item, at) != register) revert InvalidProgram();
                    return _read(item, at, scene);
                }
            }
            word = _u32(item, at);
            if (register == 0) word = SoftFloat.canonical(word);
            next = at + 4;
        }
    }

    function _guardsHold(bytes calldata item, uint256 at, Scene memory scene) private pure returns (bool holds) {
        unchecked {
            uint256 count = _u8(item, at++);
            if (count > GUARDS) revert InvalidProgram();
            for (uint256 i = 0; i < count; ++i) {
                uint256 test = _u8(item, at++);
                if (test > 1) revert InvalidProgram();
                int256 left;
                int256 right;
                (left, at) = _bound(item, at, scene);
                (right, at) = _bound(item, at, scene);
                if (test == 0 ? left >= right : left != right) return false;
            }
            return true;
        }
    }

    function _bound(bytes calldata item, uint256 at, Scene memory scene)
        private
        pure
        returns (int256 value, uint256 next)
    {
        unchecked {
            uint256 flag = _u8(item, at++);
            if (flag == 0) return _affine(item, at, scene);
            if (flag != 1) revert InvalidProgram();
            uint256 word;
            (word, next) = _word(item, at, scene);
            value = int256(word);
        }
    }

    /// Runs the scalar program at `at`, whose result has to be in the register of the dtype.
    function _run(bytes calldata item, uint256 at, uint256[] memory arguments, uint256[] memory point, uint256 dtype)
        private
        pure
        returns (uint256)
    {
        (uint256 word,, uint256 register) = ScalarMachine.run(item, at, arguments, point);
        if (register != Elements.register(dtype)) revert InvalidProgram();
        return word;
    }

    // Reads -------------------------------------------------------------------------------------------------------

    /// The words of all reads, behind `skip` places left free, and the offset behind the reads.
    function _arguments(bytes calldata item, uint256 at, Scene memory scene, uint256 skip)
        private
        pure
        returns (uint256[] memory arguments, uint256 next)
    {
        unchecked {
            uint256 reads = at;
            uint256 count = _u8(item, at++);
            if (count > READS) revert InvalidProgram();
            arguments = new uint256[](skip + count);
            for (uint256 i = 0; i < count; ++i) {
                (arguments[skip + i], at) = _read(item, at, scene);
            }
            next = at;
            // A map's program stands right behind its reads.
            if (skip == 0) _checkArguments(item, reads, at, 0);
        }
    }

    /// Compares the registers of a program's arguments, from number `skip` on, with those of the reads.
    function _checkArguments(bytes calldata item, uint256 at, uint256 program, uint256 skip) private pure {
        unchecked {
            uint256 count = _u8(item, at++);
            if (_u8(item, program) != skip + count) revert InvalidProgram();
            for (uint256 i = 0; i < count; ++i) {
                _checkRegister(item, program, skip + i, _registerOf(item, at));
                at = _skipRead(item, at);
            }
        }
    }

    function _checkRegister(bytes calldata item, uint256 program, uint256 argument, uint256 register) private pure {
        unchecked {
            if (_u8(item, program + 1 + argument) != register) revert InvalidProgram();
        }
    }

    /// The register of the read at `at`.
    function _registerOf(bytes calldata item, uint256 at) private pure returns (uint256) {
        unchecked {
            return Elements.register(_u8(item, at + 3));
        }
    }

    /// One read: the element's register word, or the pad.
    function _read(bytes calldata item, uint256 at, Scene memory scene)
        private
        pure
        returns (uint256 word, uint256 next)
    {
        unchecked {
            uint256 ref = at;
            uint256 size;
            bool outside;
            uint256 address_;
            // At most one coordinate is a word: where it stands, its extent, and by how much it moves the address.
            uint256 gather;
            uint256 extentOfGather;
            uint256 stride;
            {
                uint256 extents;
                uint256 rank;
                (extents, rank, size, at) = _source(item, at);
                for (uint256 d = 0; d < rank; ++d) {
                    uint256 extent = _u32(item, extents + 4 * d);
                    uint256 flag = _u8(item, at++);
                    address_ *= extent;
                    stride *= extent;
                    if (flag == 0) {
                        int256 value;
                        (value, at) = _affine(item, at, scene);
                        if (value < 0 || value >= int256(extent)) outside = true;
                        else address_ += uint256(value);
                    } else {
                        if (flag != 1 || gather != 0) revert InvalidProgram();
                        gather = at;
                        extentOfGather = extent;
                        stride = 1;
                        at = _skipWord(item, at);
                    }
                }
            }
            uint256 padded = _u8(item, at++);
            if (padded > 1) revert InvalidProgram();
            if (padded == 1) {
                word = _u32(item, at);
                at += 4;
            }
            if (outside) {
                if (padded == 0) revert InvalidProgram();
                if (_registerOf(item, ref) == 0) word = SoftFloat.canonical(word);
                return (word, at);
            }
            if (gather != 0) {
                (uint256 coordinate,) = _word(item, gather, scene);
                address_ += (coordinate < extentOfGather ? coordinate : extentOfGather - 1) * stride;
            }
            return (_load(item, ref, scene, size, address_), at);
        }
    }

    /// A word read: an element of dtype u32 or u8 at affine coordinates, which are always inside.
    function _word(bytes calldata item, uint256 at, Scene memory scene)
        private
        pure
        returns (uint256 word, uint256 next)
    {
        unchecked {
            uint256 ref = at;
            uint256 extents;
            uint256 rank;
            uint256 size;
            (extents, rank, size, at) = _source(item, at);
            if (Elements.register(_u8(item, ref + 3)) != 1) revert InvalidProgram();
            uint256 address_;
            for (uint256 d = 0; d < rank; ++d) {
                uint256 extent = _u32(item, extents + 4 * d);
                int256 value;
                (value, at) = _affine(item, at, scene);
                if (value < 0 || value >= int256(extent)) revert InvalidProgram();
                address_ = address_ * extent + uint256(value);
            }
            return (_load(item, ref, scene, size, address_), at);
        }
    }

    /// An affine form at the scene's point.
    function _affine(bytes calldata item, uint256 at, Scene memory scene)
        private
        pure
        returns (int256 value, uint256 next)
    {
        unchecked {
            next = _skipAffine(item, at);
            value = int256(int32(uint32(_u32(item, at))));
            for (at += 5; at < next; at += 5) {
                uint256 coordinate = _u8(item, at);
                if (coordinate >= scene.coordinates) revert InvalidProgram();
                // Below 2^63 each, and there are at most 255 of them.
                value += int256(int32(uint32(_u32(item, at + 1)))) * int256(scene.point[coordinate]);
            }
        }
    }

    /// The register word of an element of the tensor whose ref stands at `ref`.
    function _load(bytes calldata item, uint256 ref, Scene memory scene, uint256 elements, uint256 position)
        private
        pure
        returns (uint256)
    {
        unchecked {
            uint256 from = _u8(item, ref);
            uint256 index = _u16(item, ref + 1);
            uint256 dtype = _u8(item, ref + 3);
            if (index >= (from == NODE ? scene.nodes : from == STATE ? scene.states : scene.inputs)) {
                revert InvalidProgram();
            }
            uint256 perLeaf = LEAF / Elements.size(dtype);
            Source memory source = _find(scene, from, index, position / perLeaf);
            if (source.dtype != dtype || source.elements != elements) revert OpeningMismatch(from, index);
            return Elements.load(dtype, Elements.bits(dtype, source.data, position % perLeaf));
        }
    }

    function _find(Scene memory scene, uint256 from, uint256 index, uint256 leaf) private pure returns (Source memory) {
        unchecked {
            uint256 key = _key(from, index, leaf);
            for (uint256 i = 0; i < scene.sources.length; ++i) {
                if (scene.sources[i].key == key) return scene.sources[i];
            }
            revert OpeningMissing(from, index, leaf);
        }
    }

    // Openings ----------------------------------------------------------------------------------------------------

    function _scene(Agreed calldata agreed, Opening[] calldata openings) private view returns (Scene memory scene) {
        scene.nodes = agreed.item;
        scene.states = agreed.states;
        scene.inputs = agreed.inputCount;
        scene.sources = new Source[](openings.length);
        for (uint256 i = 0; i < openings.length; ++i) {
            scene.sources[i] = _open(agreed, openings[i], i);
        }
    }

    /// Proves one opening.
    function _open(Agreed calldata agreed, Opening calldata opening, uint256 number)
        private
        view
        returns (Source memory source)
    {
        unchecked {
            uint256 leafDepth;
            (source.dtype, source.elements) = _tensor(opening.header, number);
            {
                bytes calldata data = opening.data;
                uint256 pointer;
                assembly ("memory-safe") {
                    pointer := data.offset
                }
                source.data = pointer;
                uint256 size = source.elements * Elements.size(source.dtype);
                uint256 begin = LEAF * uint256(opening.leaf);
                if (begin >= size || data.length != (size - begin < LEAF ? size - begin : LEAF)) {
                    revert OpeningMalformed(number);
                }
                leafDepth = Trees.depth((size + LEAF - 1) / LEAF);
            }
            source.key = _key(opening.from, opening.index, opening.leaf);
            bytes32[] calldata path = opening.path;
            if (path.length < leafDepth) revert OpeningMalformed(number);
            bytes32 digest =
                Trees.tensor(opening.header, Trees.climb(Trees.leaf(opening.data), opening.leaf, path[:leafDepth]));
            path = path[leafDepth:];
            if (opening.from == NODE && opening.index == agreed.item) {
                // The disputed item's own leaves, of which those before the named one are agreed.
                if (path.length != 0 || opening.leaf >= agreed.leaf) revert OpeningMalformed(number);
                if (agreed.own == 0 || digest != agreed.own) revert OpeningUnproven(number);
                return source;
            }
            (bytes32 end, uint256 count, uint256 extra) = _home(agreed, opening.from);
            if (opening.from == NODE) {
                if (opening.index > agreed.item) revert OpeningMalformed(number);
            } else if (opening.index >= count) {
                revert OpeningMalformed(number);
            }
            if (path.length != Trees.depth(count) + extra) revert OpeningMalformed(number);
            if (Trees.climb(digest, opening.index, path) != end) revert OpeningUnproven(number);
        }
    }

    /// The vector in which a ref's tensor has its digest: root, count, and how many siblings lie above it.
    function _home(Agreed calldata agreed, uint256 from)
        private
        pure
        returns (bytes32 root, uint256 count, uint256 extra)
    {
        if (from == NODE) return (agreed.vector, agreed.items, 0);
        // The state's root is the left half of the item: an index below the count climbs to the left.
        if (from == STATE) return (agreed.previous, agreed.states, 1);
        return (agreed.inputs, agreed.inputCount, 0);
    }

    /// dtype and element count from a tensor's header.
    function _tensor(bytes calldata header, uint256 number) private pure returns (uint256 dtype, uint256 elements) {
        unchecked {
            if (header.length < 2) revert OpeningMalformed(number);
            dtype = _u8(header, 0);
            uint256 rank = _u8(header, 1);
            if (dtype > Elements.U8 || rank > RANK || header.length != 2 + 4 * rank) revert OpeningMalformed(number);
            elements = 1;
            for (uint256 d = 0; d < rank; ++d) {
                elements *= _u32(header, 2 + 4 * d);
                if (elements == 0 || elements > ELEMENTS) revert OpeningMalformed(number);
            }
        }
    }

    /// One side of a join, whose ref stands at `at`.
    function _joined(Agreed calldata agreed, bytes calldata item, uint256 at, JoinOpening calldata opening)
        private
        view
        returns (bytes32)
    {
        unchecked {
            uint256 from = _u8(item, at);
            uint256 index = _u16(item, at + 1);
            if (from == ZERO) {
                if (opening.digest != 0 || opening.path.length != 0) revert OpeningMalformed(at / 4);
                return 0;
            }
            (bytes32 root, uint256 count, uint256 extra) = _home(agreed, from);
            if (index >= (from == NODE ? agreed.item : count)) revert InvalidProgram();
            if (opening.path.length != Trees.depth(count) + extra) revert OpeningMalformed(at / 4);
            if (Trees.climb(opening.digest, index, opening.path) != root) revert OpeningUnproven(at / 4);
            return opening.digest;
        }
    }

    function _key(uint256 from, uint256 index, uint256 leaf) private pure returns (uint256) {
        return (from << 48) | (index << 32) | leaf;
    }

    // Encoding ----------------------------------------------------------------------------------------------------

    function _layout(bytes calldata item) private pure returns (Layout memory layout) {
        unchecked {
            layout.kind = _u8(item, 0);
            if (layout.kind == JOIN) {
                layout.reads = 1;
                return layout;
            }
            if (layout.kind > JOIN) revert InvalidProgram();
            layout.dtype = _u8(item, 1);
            if (layout.dtype > Elements.U8) revert InvalidProgram();
            layout.points = 1;
            (layout.dims, layout.rank, layout.elements, layout.reads) = _dims(item, 2, RANK, 1);
            if (layout.kind == MAP) return layout;
            (layout.box, layout.boxRank, layout.points, layout.reads) = _dims(item, layout.reads, BOX_RANK, 0);
            if (layout.kind == SCAN) {
                if (layout.dtype > Elements.U32 || layout.rank < layout.boxRank) revert InvalidProgram();
                uint256 tail = layout.dims + 4 * (layout.rank - layout.boxRank);
                for (uint256 d = 0; d < layout.boxRank; ++d) {
                    if (_u32(item, tail + 4 * d) != _u32(item, layout.box + 4 * d)) revert InvalidProgram();
                }
            }
        }
    }

    /// Extents, each at least `least`: where they stand, how many, their product, and the offset behind them.
    function _dims(bytes calldata item, uint256 at, uint256 most, uint256 least)
        private
        pure
        returns (uint256 extents, uint256 rank, uint256 size, uint256 next)
    {
        unchecked {
            rank = _u8(item, at);
            if (rank > most) revert InvalidProgram();
            extents = at + 1;
            next = extents + 4 * rank;
            size = 1;
            for (uint256 d = extents; d < next; d += 4) {
                uint256 extent = _u32(item, d);
                if (extent < least || extent > ELEMENTS) revert InvalidProgram();
                // Eight extents are below 2^248. A box may be empty whatever its other extents multiply to.
                size *= extent;
            }
            if (size > ELEMENTS) revert InvalidProgram();
        }
    }

    /// ref, dtype and view of a read or a word.
    function _source(bytes calldata item, uint256 at)
        private
        pure
        returns (uint256 extents, uint256 rank, uint256 size, uint256 next)
    {
        unchecked {
            if (_u8(item, at) > 2 || _u8(item, at + 3) > Elements.U8) revert InvalidProgram();
            return _dims(item, at + 4, RANK, 1);
        }
    }

    function _skipReads(bytes calldata item, uint256 at) private pure returns (uint256) {
        unchecked {
            uint256 count = _u8(item, at++);
            if (count > READS) revert InvalidProgram();
            for (uint256 i = 0; i < count; ++i) {
                at = _skipRead(item, at);
            }
            return at;
        }
    }

    function _skipRead(bytes calldata item, uint256 at) private pure returns (uint256) {
        unchecked {
            uint256 rank;
            uint256 words;
            (, rank,, at) = _source(item, at);
            for (uint256 d = 0; d < rank; ++d) {
                uint256 flag = _u8(item, at++);
                if (flag > 1) revert InvalidProgram();
                words += flag;
                at = flag == 0 ? _skipAffine(item, at) : _skipWord(item, at);
            }
            uint256 padded = _u8(item, at);
            if (padded > 1 || words > 1) revert InvalidProgram();
            return at + 1 + 4 * padded;
        }
    }

    function _skipWord(bytes calldata item, uint256 at) private pure returns (uint256) {
        unchecked {
            uint256 rank;
            if (Elements.register(_u8(item, at + 3)) != 1) revert InvalidProgram();
            (, rank,, at) = _source(item, at);
            for (uint256 d = 0; d < rank; ++d) {
                at = _skipAffine(item, at);
            }
            return at;
        }
    }

    /// Terms ascend in their coordinate and have a factor other than zero.
    function _skipAffine(bytes calldata item, uint256 at) private pure returns (uint256 next) {
        unchecked {
            uint256 count = _u8(item, at + 4);
            at += 5;
            next = at + 5 * count;
            if (next > item.length) revert InvalidProgram();
            uint256 least = 0;
            for (; at < next; at += 5) {
                uint256 coordinate = _u8(item, at);
                if (coordinate < least || _u32(item, at + 1) == 0) revert InvalidProgram();
                least = coordinate + 1;
            }
        }
    }

    function _skipGuards(bytes calldata item, uint256 at) private pure returns (uint256) {
        unchecked {
            uint256 count = _u8(item, at++);
            if (count > GUARDS) revert InvalidProgram();
            for (uint256 i = 0; i < count; ++i) {
                if (_u8(item, at++) > 1) revert InvalidProgram();
                for (uint256 side = 0; side < 2; ++side) {
                    uint256 flag = _u8(item, at++);
                    if (flag > 1) revert InvalidProgram();
                    at = flag == 0 ? _skipAffine(item, at) : _skipWord(item, at);
                }
            }
            return at;
        }
    }

    function _skipInit(bytes calldata item, uint256 at, uint256 kind) private pure returns (uint256) {
        unchecked {
            if (kind == BLOCKED) return at + 4;
            uint256 flag = _u8(item, at);
            if (flag > 1) revert InvalidProgram();
            return flag == 0 ? at + 5 : _skipRead(item, at + 1);
        }
    }

    /// Coordinates of a row-major position, written from place `begin` on.
    function _unravel(
        bytes calldata item,
        uint256 extents,
        uint256 rank,
        uint256 position,
        uint256[] memory point,
        uint256 begin
    ) private pure {
        unchecked {
            for (uint256 d = rank; d > 0;) {
                --d;
                uint256 extent = _u32(item, extents + 4 * d);
                if (extent == 0) revert InvalidProgram();
                point[begin + d] = position % extent;
                position /= extent;
            }
        }
    }

    function _u8(bytes calldata item, uint256 at) private pure returns (uint256) {
        return _integer(item, at, 1);
    }

    function _u16(bytes calldata item, uint256 at) private pure returns (uint256) {
        return _integer(item, at, 2);
    }

    function _u32(bytes calldata item, uint256 at) private pure returns (uint256) {
        return _integer(item, at, 4);
    }

    function _integer(bytes calldata item, uint256 at, uint256 width) private pure returns (uint256 value) {
        unchecked {
            if (at + width > item.length) revert InvalidProgram();
            assembly ("memory-safe") {
                value := shr(sub(256, shl(3, width)), calldataload(add(item.offset, at)))
            }
        }
    }
}
