// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Agreed, IReferee, ItemFacts, JoinOpening, Opening} from "../sol/IReferee.sol";
import {Digests, Items} from "./Items.sol";
import {vm} from "./Vm.sol";

contract RefereeTest {
    bytes4 private constant SCALAR_MALFORMED = bytes4(keccak256("ScalarMalformed(uint256,uint8)"));

    IReferee private referee;
    bytes private header = hex"010100000004"; // u32 (4)
    bytes private data = Digests.words([uint32(11), 22, 33, 0xffffffff]);
    bytes private indexHeader = hex"0400"; // u8 ()
    bytes private index = hex"c8";
    Agreed private agreed;

    /// The agreed step: two state tensors, `data` and `index`; one input, `data`; two items, the first one `data`.
    function setUp() external {
        bytes memory code = vm.getCode("Referee.sol:Referee");
        IReferee made;
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        referee = made;
        bytes32 tensor = Digests.tensor(header, Digests.leaf(data));
        bytes32 word = Digests.tensor(indexHeader, Digests.leaf(index));
        agreed.previous = Digests.parent(Digests.parent(tensor, word), bytes32(uint256(77)));
        agreed.inputs = tensor;
        agreed.vector = Digests.parent(tensor, bytes32(uint256(88)));
        agreed.item = 1;
        agreed.items = 2;
        agreed.states = 2;
        agreed.inputCount = 1;
    }

    function none() private pure returns (Opening[] memory) {
        return new Opening[](0);
    }

    function one(Opening memory a) private pure returns (Opening[] memory list) {
        list = new Opening[](1);
        list[0] = a;
    }

    function state0() private view returns (Opening memory) {
        bytes32 word = Digests.tensor(indexHeader, Digests.leaf(index));
        return Opening(1, 0, 0, header, data, Digests.path(word, bytes32(uint256(77))));
    }

    function state1() private view returns (Opening memory) {
        bytes32 tensor = Digests.tensor(header, Digests.leaf(data));
        return Opening(1, 1, 0, indexHeader, index, Digests.path(tensor, bytes32(uint256(77))));
    }

    function input0() private view returns (Opening memory) {
        return Opening(2, 0, 0, header, data, Digests.path());
    }

    function node0() private view returns (Opening memory) {
        return Opening(0, 0, 0, header, data, Digests.path(bytes32(uint256(88))));
    }

    function doubled(uint8 from, uint16 ref, bytes memory form, bytes memory pad) private pure returns (bytes memory) {
        bytes memory read = Items.read(from, ref, 1, 4, form, pad);
        return Items.map(1, Items.dims(4), abi.encodePacked(uint8(1), read), Items.DOUBLE);
    }

    // Reads ---------------------------------------------------------------------------------------------------------

    function test_a_map_reads_states_inputs_and_earlier_nodes() external view {
        uint256 bits = referee.judgeElement(agreed, doubled(1, 0, Items.C0, hex"00"), 2, "", one(state0()));
        assert(bits == 66);
        assert(referee.judgeElement(agreed, doubled(2, 0, Items.C0, hex"00"), 1, "", one(input0())) == 44);
        assert(referee.judgeElement(agreed, doubled(0, 0, Items.C0, hex"00"), 0, "", one(node0())) == 22);
        // 2 * (2^32 - 1) wraps.
        assert(referee.judgeElement(agreed, doubled(0, 0, Items.C0, hex"00"), 3, "", one(node0())) == 0xfffffffe);
    }

    function test_a_padded_read_outside_needs_no_opening() external view {
        bytes memory item = doubled(1, 0, Items.affine(-1, 0, 1), hex"0100000007");
        assert(referee.judgeElement(agreed, item, 0, "", none()) == 14);
        assert(referee.judgeElement(agreed, item, 1, "", one(state0())) == 22);
    }

    function test_an_address_outside_voids() external {
        bytes memory item = doubled(1, 0, Items.affine(1, 0, 1), hex"00");
        Opening[] memory openings = one(state0());
        assert(referee.judgeElement(agreed, item, 2, "", openings) == 0xfffffffe);
        vm.expectRevert(IReferee.InvalidProgram.selector);
        referee.judgeElement(agreed, item, 3, "", openings);
    }

    function test_a_gathered_coordinate_is_clamped() external view {
        bytes memory read = abi.encodePacked(
            hex"01" hex"0000" hex"01", Items.dims(4), Items.word(1, 1, 4, 1, Items.NO_TERMS), Items.NO_PAD
        );
        bytes memory item = Items.map(1, Items.dims(4), abi.encodePacked(uint8(1), read), Items.DOUBLE);
        Opening[] memory openings = new Opening[](2);
        (openings[0], openings[1]) = (state1(), state0());
        // The word is 200, the last element is the fourth.
        assert(referee.judgeElement(agreed, item, 0, "", openings) == 0xfffffffe);
    }

    function test_a_read_of_itself_or_later_or_of_nothing_voids() external {
        bytes[4] memory items = [
            doubled(0, 1, Items.C0, hex"00"),
            doubled(0, 2, Items.C0, hex"00"),
            doubled(1, 2, Items.C0, hex"00"),
            doubled(2, 1, Items.C0, hex"00")
        ];
        for (uint256 i = 0; i < items.length; ++i) {
            vm.expectRevert(IReferee.InvalidProgram.selector);
            referee.judgeElement(agreed, items[i], 0, "", none());
        }
    }

    function test_registers_are_those_of_the_reads() external {
        bytes memory read = Items.read(1, 0, 0, 4, Items.C0, hex"01" hex"40000000");
        bytes memory reads = abi.encodePacked(uint8(1), read);
        // A float read for an argument in register u, and a result in u for a float tensor.
        vm.expectRevert(IReferee.InvalidProgram.selector);
        referee.judgeElement(agreed, Items.map(1, Items.dims(9), reads, Items.DOUBLE), 8, "", none());
        vm.expectRevert(IReferee.InvalidProgram.selector);
        referee.judgeElement(
            agreed, Items.map(0, Items.dims(9), reads, hex"01000001" hex"0100000000" hex"01"), 8, "", none()
        );
        assert(
            referee.judgeElement(agreed, Items.map(2, Items.dims(9), reads, hex"0100000000"), 8, "", none()) == 0x4000
        );
    }

    // Openings ------------------------------------------------------------------------------------------------------

    function test_openings_are_proven() external {
        bytes memory item = doubled(1, 0, Items.C0, hex"00");
        vm.expectRevert(abi.encodeWithSelector(IReferee.OpeningMissing.selector, 1, 0, 0));
        referee.judgeElement(agreed, item, 2, "", none());

        Opening memory wrong = state0();
        wrong.data[0] ^= 0x01;
        vm.expectRevert(abi.encodeWithSelector(IReferee.OpeningUnproven.selector, 0));
        referee.judgeElement(agreed, item, 2, "", one(wrong));

        wrong = state0();
        wrong.path[1] ^= bytes32(uint256(1));
        vm.expectRevert(abi.encodeWithSelector(IReferee.OpeningUnproven.selector, 0));
        referee.judgeElement(agreed, item, 2, "", one(wrong));

        wrong = state0();
        wrong.index = 1;
        vm.expectRevert(abi.encodeWithSelector(IReferee.OpeningUnproven.selector, 0));
        referee.judgeElement(agreed, item, 2, "", one(wrong));
    }

    function test_openings_have_the_form_of_their_header() external {
        bytes memory item = doubled(1, 0, Items.C0, hex"00");
        Opening[8] memory wrong;
        for (uint256 i = 0; i < wrong.length; ++i) {
            wrong[i] = state0();
        }
        wrong[0].data = abi.encodePacked(data, hex"00");
        wrong[1].header = hex"0101000000";
        wrong[2].header = hex"050100000004";
        wrong[3].header = hex"010100000000";
        wrong[4].leaf = 1;
        wrong[5].path = Digests.path(bytes32(0));
        wrong[6].from = 0; // the disputed item's own leaves are for scans
        wrong[6].index = 1;
        wrong[7].index = 2;
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IReferee.OpeningMalformed.selector, 0));
            referee.judgeElement(agreed, item, 2, "", one(wrong[i]));
        }
    }

    /// A claimant and a challenger who are one could agree on a tensor of another type: that must not void the task.
    function test_a_tensor_of_another_type_is_the_movers_fault() external {
        bytes memory item = doubled(1, 0, Items.C0, hex"00");
        Opening memory other = state0();
        other.header = hex"000100000004"; // f32 (4)
        agreed.previous = Digests.parent(
            Digests.parent(Digests.tensor(other.header, Digests.leaf(data)), other.path[0]), other.path[1]
        );
        vm.expectRevert(abi.encodeWithSelector(IReferee.OpeningMismatch.selector, 1, 0));
        referee.judgeElement(agreed, item, 2, "", one(other));
    }

    // Folds ---------------------------------------------------------------------------------------------------------

    function chain(bytes memory guards, bytes memory init) private pure returns (bytes memory) {
        bytes memory reads = abi.encodePacked(uint8(1), Items.read(1, 0, 1, 4, Items.C1, hex"00"));
        return Items.fold(2, 1, Items.dims(2), Items.dims(4), reads, guards, abi.encodePacked(init, Items.SUM));
    }

    function test_a_chain_begins_with_init_and_goes_on_from_the_agreed_accumulator() external view {
        bytes memory item = chain(hex"00", hex"0000000005");
        assert(referee.judgeStep(agreed, item, 1, 0, 999, one(state0())) == 16);
        assert(referee.judgeStep(agreed, item, 1, 2, 100, one(state0())) == 133);
    }

    function test_init_may_be_a_read_of_the_outputs_coordinates() external {
        bytes memory init = abi.encodePacked(hex"01", Items.read(2, 0, 1, 4, Items.C0, hex"00"));
        Opening[] memory openings = new Opening[](2);
        (openings[0], openings[1]) = (state0(), input0());
        assert(referee.judgeStep(agreed, chain(hex"00", init), 1, 0, 0, openings) == 22 + 11);
        init = abi.encodePacked(hex"01", Items.read(2, 0, 1, 4, Items.C1, hex"00"));
        vm.expectRevert(IReferee.InvalidProgram.selector);
        referee.judgeStep(agreed, chain(hex"00", init), 1, 0, 0, openings);
    }

    function test_a_failed_guard_keeps_the_accumulator_and_opens_nothing() external view {
        // k < 2, and 200 = the word
        bytes memory guards = abi.encodePacked(
            hex"02" hex"00" hex"00",
            Items.C1,
            hex"00" hex"0000000200",
            hex"01" hex"00" hex"000000c800",
            Items.word(1, 1, 4, 1, Items.NO_TERMS)
        );
        bytes memory item = chain(guards, hex"0000000005");
        assert(referee.judgeStep(agreed, item, 0, 2, 100, none()) == 100);
        Opening[] memory openings = new Opening[](2);
        (openings[0], openings[1]) = (state0(), state1());
        assert(referee.judgeStep(agreed, item, 0, 1, 100, openings) == 122);
    }

    function test_a_blocked_fold_begins_anew_every_256_steps_and_is_combined() external view {
        bytes memory item = Items.fold(
            1, 1, Items.dims(1), Items.dims(600), hex"00", hex"00", abi.encodePacked(uint32(40), Items.COUNT, Items.SUM)
        );
        assert(referee.judgeStep(agreed, item, 0, 255, 7, none()) == 8);
        assert(referee.judgeStep(agreed, item, 0, 256, 7, none()) == 41);
        assert(referee.judgeCombine(item, true, 7, 2) == 42);
        assert(referee.judgeCombine(item, false, 7, 2) == 9);
    }

    function test_folds_of_at_most_one_step_are_elements() external view {
        bytes memory rest = abi.encodePacked(hex"00", uint32(40), Items.COUNT);
        bytes memory empty = Items.fold(2, 1, Items.dims(3), Items.dims(5, 0), hex"00", hex"00", rest);
        assert(referee.judgeElement(agreed, empty, 2, "", none()) == 40);
        bytes memory single = Items.fold(2, 1, Items.dims(3), Items.dims(1), hex"00", hex"00", rest);
        assert(referee.judgeElement(agreed, single, 2, "", none()) == 41);
    }

    function test_a_scan_goes_on_from_the_element_before() external {
        bytes memory item = Items.fold(
            3,
            1,
            Items.dims(2, 70),
            Items.dims(70),
            hex"00",
            hex"00",
            abi.encodePacked(hex"00", uint32(40), Items.COUNT)
        );
        bytes memory own = new bytes(256);
        own[4] = 0x05;
        own[252] = 0x09;
        assert(referee.judgeElement(agreed, item, 0, own, none()) == 41);
        assert(referee.judgeElement(agreed, item, 2, own, none()) == 6);
        // The second row begins anew, in the middle of a leaf.
        assert(referee.judgeElement(agreed, item, 70, own, none()) == 41);
        // The first element of a leaf needs the leaf before, of the item itself.
        bytes memory ownHeader = hex"01" hex"02" hex"00000002" hex"00000046";
        bytes32 right = bytes32(uint256(3));
        bytes32 rest = bytes32(uint256(4));
        Opening memory opening = Opening(0, 1, 0, ownHeader, own, Digests.path(right, rest));
        agreed.own = Digests.tensor(ownHeader, Digests.parent(Digests.parent(Digests.leaf(own), right), rest));
        agreed.leaf = 1;
        assert(referee.judgeElement(agreed, item, 64, own, one(opening)) == 10);
        vm.expectRevert(abi.encodeWithSelector(IReferee.OpeningMissing.selector, 0, 1, 0));
        referee.judgeElement(agreed, item, 64, own, none());
        // Only what lies before the named leaf is agreed.
        agreed.leaf = 0;
        vm.expectRevert(abi.encodeWithSelector(IReferee.OpeningMalformed.selector, 0));
        referee.judgeElement(agreed, item, 64, own, one(opening));
    }

    function test_places_that_are_not_there() external {
        bytes memory map = doubled(1, 0, Items.C0, hex"00");
        bytes memory item = chain(hex"00", hex"0000000005");
        Opening[] memory openings = one(state0());
        vm.expectRevert(IReferee.NoSuchPlace.selector);
        referee.judgeElement(agreed, map, 4, "", openings);
        vm.expectRevert(IReferee.NoSuchPlace.selector);
        referee.judgeElement(agreed, item, 0, "", openings);
        vm.expectRevert(IReferee.NoSuchPlace.selector);
        referee.judgeStep(agreed, map, 0, 0, 0, openings);
        vm.expectRevert(IReferee.NoSuchPlace.selector);
        referee.judgeStep(agreed, item, 0, 4, 0, openings);
        vm.expectRevert(IReferee.NoSuchPlace.selector);
        referee.judgeCombine(item, true, 0, 0);
    }

    // Joins ---------------------------------------------------------------------------------------------------------

    function test_a_join_hashes_what_it_names() external {
        bytes32 tensor = Digests.tensor(header, Digests.leaf(data));
        JoinOpening memory zero = JoinOpening(0, Digests.path());
        JoinOpening memory item = JoinOpening(tensor, Digests.path(bytes32(uint256(88))));
        JoinOpening memory state = JoinOpening(tensor, state0().path);
        JoinOpening memory input = JoinOpening(tensor, Digests.path());
        assert(referee.judgeJoin(agreed, Items.join(3, 0, 3, 0), zero, zero) == 0);
        assert(referee.judgeJoin(agreed, Items.join(0, 0, 3, 0), item, zero) == Digests.parent(tensor, 0));
        assert(referee.judgeJoin(agreed, Items.join(1, 0, 2, 0), state, input) == Digests.parent(tensor, tensor));

        vm.expectRevert(abi.encodeWithSelector(IReferee.OpeningUnproven.selector, 1));
        referee.judgeJoin(agreed, Items.join(3, 0, 1, 1), zero, state);
        vm.expectRevert(abi.encodeWithSelector(IReferee.OpeningMalformed.selector, 0));
        referee.judgeJoin(agreed, Items.join(3, 0, 3, 0), item, zero);
        vm.expectRevert(IReferee.InvalidProgram.selector);
        referee.judgeJoin(agreed, Items.join(0, 1, 3, 0), item, zero);
        vm.expectRevert(IReferee.InvalidProgram.selector);
        referee.judgeJoin(agreed, Items.join(4, 0, 3, 0), item, zero);
    }

    // Totality ------------------------------------------------------------------------------------------------------

    function example(uint256 which) private pure returns (bytes memory) {
        bytes memory word = Items.word(1, 1, 4, 1, Items.NO_TERMS);
        if (which == 0) return doubled(1, 0, Items.affine(-1, 0, 1), hex"0100000007");
        if (which == 1) return chain(abi.encodePacked(hex"01" hex"00", word, hex"00", Items.C1), hex"0000000005");
        if (which == 2) {
            bytes memory rest = abi.encodePacked(uint32(40), Items.COUNT, Items.SUM);
            return Items.fold(1, 1, Items.dims(1), Items.dims(600), hex"00", hex"00", rest);
        }
        if (which == 3) {
            bytes memory rest = abi.encodePacked(hex"00", uint32(40), Items.COUNT);
            return Items.fold(3, 1, Items.dims(2, 70), Items.dims(70), hex"00", hex"00", rest);
        }
        bytes memory read = abi.encodePacked(hex"01" hex"0000" hex"01", Items.dims(4), word, Items.NO_PAD);
        return Items.map(1, Items.dims(4), abi.encodePacked(uint8(1), read), Items.DOUBLE);
    }

    function isKnown(bytes memory reason) private pure returns (bool) {
        bytes4 selector = bytes4(reason);
        return selector == SCALAR_MALFORMED || selector == IReferee.InvalidProgram.selector
            || selector == IReferee.OpeningMalformed.selector || selector == IReferee.OpeningUnproven.selector
            || selector == IReferee.OpeningMissing.selector || selector == IReferee.OpeningMismatch.selector
            || selector == IReferee.NoSuchPlace.selector;
    }

    function testFuzz_any_bytes_are_described_or_invalid(bytes calldata item) external view {
        try referee.describe(item) returns (ItemFacts memory) {}
        catch (bytes memory reason) {
            assert(bytes4(reason) == IReferee.InvalidProgram.selector || bytes4(reason) == SCALAR_MALFORMED);
        }
    }

    /// An item with some bytes changed, cut or longer is judged, or refused for a reason that has a name.
    function testFuzz_bent_items_never_break_the_referee(uint256 seed, uint256 position, uint256 k) external view {
        bytes memory item = example(seed % 5);
        uint256 draw = uint256(keccak256(abi.encode(seed)));
        for (uint256 i = 0; i < 1 + draw % 3; ++i) {
            draw = uint256(keccak256(abi.encode(draw)));
            item[draw % item.length] = bytes1(uint8(draw >> 128));
        }
        if (draw >> 250 == 0) item = abi.encodePacked(item, uint8(draw));
        if (draw >> 250 == 1) {
            uint256 cut = item.length - 1 - draw % 4;
            assembly ("memory-safe") {
                mstore(item, cut)
            }
        }
        Opening[] memory openings = new Opening[](4);
        (openings[0], openings[1], openings[2], openings[3]) = (state0(), state1(), input0(), node0());
        bytes memory own = new bytes(256);
        try referee.describe(item) returns (ItemFacts memory facts) {
            if (facts.elements != 0) position %= facts.elements;
            if (facts.points != 0) k %= facts.points;
        } catch (bytes memory reason) {
            assert(isKnown(reason));
        }
        try referee.judgeElement(agreed, item, position, own, openings) returns (uint256 bits) {
            assert(bits < 2 ** 32);
        } catch (bytes memory reason) {
            assert(isKnown(reason));
        }
        try referee.judgeStep(agreed, item, position, k, draw >> 224, openings) returns (uint256 word) {
            assert(word < 2 ** 32);
        } catch (bytes memory reason) {
            assert(isKnown(reason));
        }
        try referee.judgeCombine(item, draw % 2 == 0, draw >> 224, seed >> 224) returns (uint256 word) {
            assert(word < 2 ** 32);
        } catch (bytes memory reason) {
            assert(isKnown(reason));
        }
    }

    // Gas -----------------------------------------------------------------------------------------------------------

    /// A step of a matrix product whose operands have 10^8 elements: paths of 23 siblings to the leaves' root, and 10
    /// in the step's vector or the state.
    function test_gas_of_a_step_with_two_long_openings() external {
        bytes memory big = hex"00" // f32 (10000, 10000)
            hex"02" hex"00002710" hex"00002710";
        bytes memory reads = abi.encodePacked(
            uint8(2),
            hex"00" hex"0000" hex"00",
            Items.dims(10_000, 10_000),
            hex"00",
            Items.C0,
            hex"00",
            Items.affine(0, 2, 1),
            hex"00",
            hex"01" hex"0000" hex"00",
            Items.dims(10_000, 10_000),
            hex"00",
            Items.affine(0, 2, 1),
            hex"00",
            Items.C1,
            hex"00"
        );
        bytes memory item = Items.fold(
            1,
            0,
            Items.dims(10_000, 10_000),
            Items.dims(10_000),
            reads,
            hex"00",
            abi.encodePacked(
                uint32(0x80000000), hex"030000000001" hex"15010200" hex"03", hex"0200000001" hex"100001" hex"02"
            )
        );
        Opening[] memory openings = new Opening[](2);
        openings[0] = Opening(0, 0, 0, big, new bytes(256), new bytes32[](31));
        openings[1] = Opening(1, 0, 0, big, new bytes(256), new bytes32[](30));
        agreed.items = 500;
        agreed.item = 499;
        agreed.states = 100;
        bytes32 above = Digests.leaf(new bytes(256));
        for (uint256 i = 0; i < 21; ++i) {
            above = Digests.parent(above, 0);
        }
        above = Digests.tensor(big, above);
        bytes32 vector = above;
        for (uint256 i = 0; i < 9; ++i) {
            vector = Digests.parent(vector, 0);
        }
        agreed.vector = vector;
        for (uint256 i = 0; i < 8; ++i) {
            above = Digests.parent(above, 0);
        }
        agreed.previous = above;
        openings[0].path = new bytes32[](21 + 9);
        openings[1].path = new bytes32[](21 + 8);
        uint256 start = gasleft();
        referee.judgeStep(agreed, item, 0, 0, 0, openings);
        vm.snapshotValue("Referee", "step with two long openings", start - gasleft());
    }
}
