// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProgramHeader} from "./IDisputes.sol";
import {Charges, Post, Slice, Times} from "./IMarket.sol";
import {Bounds} from "./Bounds.sol";

/// @title What was posted, as the code of a contract
/// @notice Nothing can change code, and reading it costs a fraction of reading storage. Big-endian, without gaps:
///
///     0          a stop byte, so that nobody can call it
///     HEAD       manifest 32, ceiling 12, audit price 12, bond 12, audit rate 2, auditors 1, ten times of 4, deadline 5,
///                charges 32, numbers of programs 1, slices 2, allowed 1, banned 1
///     programs   75 each: version 1, nodes 2, items 2, states 2, inputs 2, outputs 2, interface digest 32, items root 32
///     allowed, banned   20 each
///     table      2 each: where each slice begins
///     slices     program 1, initialFrom 2, group 2, steps 8, segment length 4, work 8, time 4, number of inputs 1;
///                where initialFrom is GIVEN the initial item 32; then the slices it reads, 2 each, or, where there are
///                none, the inputs' root 32
library Terms {
    uint16 internal constant GIVEN = 0xffff;

    uint256 private constant CODE_LIMIT = 24_576;
    uint256 private constant PROGRAM = 75;
    uint256 private constant SLICE = 30;

    // Places in the head.
    uint256 private constant CEILING = 32;
    uint256 private constant AUDIT_PRICE = 44;
    uint256 private constant BOND = 56;
    uint256 private constant AUDIT_RATE = 68;
    uint256 private constant AUDITORS = 70;
    uint256 private constant TIMES = 71;
    uint256 private constant DEADLINE = 111;
    uint256 private constant CHARGES = 116;
    uint256 private constant PROGRAMS = 148;
    uint256 private constant SLICES = 149;
    uint256 private constant ALLOWED = 151;
    uint256 private constant BANNED = 152;
    uint256 private constant HEAD = 153;

    // Writing ---------------------------------------------------------------------------------------------------------

    /// @notice Makes the contract. The post must be within its bounds.
    function write(Post calldata post, Charges calldata charged) internal returns (address terms) {
        // All is written behind the memory in use, in ascending order but for what is set byte by byte; nothing that is
        // called here takes memory.
        uint256 begin;
        assembly ("memory-safe") {
            begin := mload(0x40)
        }
        // PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN; and the stop byte.
        uint256 code = begin + 10;
        uint256 end = _put(begin, 0x61000080600a5f395ff300, 11);
        end = _writeHead(end, post, charged);
        for (uint256 i = 0; i < post.programs.length; ++i) {
            end = _writeProgram(end, post.programs[i]);
        }
        end = _writeAccounts(_writeAccounts(end, post.allowed), post.banned);
        uint256 table = end;
        end += 2 * post.slices.length;
        for (uint256 i = 0; i < post.slices.length; ++i) {
            _putTwo(table + 2 * i, end - code);
            end = _writeSlice(end, post.slices[i]);
            Bounds.within("size of the post", end - code, 0, CODE_LIMIT);
        }
        uint256 size = end - code;
        _putTwo(begin + 1, size);
        assembly ("memory-safe") {
            terms := create(0, begin, add(size, 10))
        }
        assert(terms != address(0));
    }

    function _writeHead(uint256 to, Post calldata post, Charges calldata charged) private pure returns (uint256) {
        to = _put(to, uint256(post.manifest), 32);
        to = _put(to, post.ceiling, 12);
        to = _put(to, post.auditPrice, 12);
        to = _put(to, post.bond, 12);
        to = _put(to, post.auditRate, 2);
        to = _put(to, post.auditors, 1);
        Times calldata seconds_ = post.times;
        to = _put(to, seconds_.bidding, 4);
        to = _put(to, seconds_.inclusion, 4);
        to = _put(to, seconds_.receipt, 4);
        to = _put(to, seconds_.audit, 4);
        to = _put(to, seconds_.answer, 4);
        to = _put(to, seconds_.window, 4);
        to = _put(to, seconds_.clock, 4);
        to = _put(to, seconds_.segmentTime, 4);
        to = _put(to, seconds_.stepTime, 4);
        to = _put(to, seconds_.moveTime, 4);
        to = _put(to, seconds_.deadline, 5);
        to = _put(to, charged.feeShare, 2);
        to = _put(to, charged.minimumImprovement, 2);
        to = _put(to, charged.noShowShare, 2);
        to = _put(to, charged.lateShare, 2);
        to = _put(to, charged.bountyShare, 2);
        to = _put(to, charged.minimumStake, 11);
        to = _put(to, charged.auditorSlash, 11);
        to = _put(to, post.programs.length, 1);
        to = _put(to, post.slices.length, 2);
        to = _put(to, post.allowed.length, 1);
        return _put(to, post.banned.length, 1);
    }

    function _writeProgram(uint256 to, ProgramHeader calldata header) private pure returns (uint256) {
        to = _put(to, header.version, 1);
        to = _put(to, header.nodes, 2);
        to = _put(to, header.items, 2);
        to = _put(to, header.states, 2);
        to = _put(to, header.inputs, 2);
        to = _put(to, header.outputs, 2);
        to = _put(to, uint256(header.interfaceDigest), 32);
        return _put(to, uint256(header.itemsRoot), 32);
    }

    function _writeAccounts(uint256 to, address[] calldata accounts) private pure returns (uint256) {
        for (uint256 i = 0; i < accounts.length; ++i) {
            to = _put(to, uint160(accounts[i]), 20);
        }
        return to;
    }

    function _writeSlice(uint256 to, Slice calldata of_) private pure returns (uint256) {
        uint256 count = of_.inputsFrom.length;
        to = _put(to, of_.program, 1);
        to = _put(to, of_.initialFrom, 2);
        to = _put(to, of_.group, 2);
        to = _put(to, of_.steps, 8);
        to = _put(to, of_.segmentLength, 4);
        to = _put(to, of_.work, 8);
        to = _put(to, of_.time, 4);
        to = _put(to, count, 1);
        if (of_.initialFrom == GIVEN) to = _put(to, uint256(of_.initialItem), 32);
        if (count == 0) return _put(to, uint256(of_.inputsRoot), 32);
        for (uint256 i = 0; i < count; ++i) {
            to = _put(to, of_.inputsFrom[i], 2);
        }
        return to;
    }

    /// Writes the low `size` bytes of a value, and zeros up to 32 bytes.
    function _put(uint256 to, uint256 value, uint256 size) private pure returns (uint256) {
        assembly ("memory-safe") {
            mstore(to, shl(sub(256, shl(3, size)), value))
        }
        return to + size;
    }

    /// Writes two bytes and nothing else.
    function _putTwo(uint256 to, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore8(to, shr(8, value))
            mstore8(add(to, 1), value)
        }
    }

    // Reading ---------------------------------------------------------------------------------------------------------

    /// @notice The head: what the functions below look at.
    function read(address terms) internal view returns (bytes memory head) {
        head = _read(terms, 0, HEAD);
    }

    function manifest(bytes memory head) internal pure returns (bytes32) {
        return bytes32(_at(head, 0, 32));
    }

    function ceiling(bytes memory head) internal pure returns (uint256) {
        return _at(head, CEILING, 12);
    }

    function auditPrice(bytes memory head) internal pure returns (uint256) {
        return _at(head, AUDIT_PRICE, 12);
    }

    function bond(bytes memory head) internal pure returns (uint256) {
        return _at(head, BOND, 12);
    }

    function auditRate(bytes memory head) internal pure returns (uint256) {
        return _at(head, AUDIT_RATE, 2);
    }

    function auditors(bytes memory head) internal pure returns (uint256) {
        return _at(head, AUDITORS, 1);
    }

    function times(bytes memory head) internal pure returns (Times memory of_) {
        of_.bidding = _time(head, 0);
        of_.inclusion = _time(head, 1);
        of_.receipt = _time(head, 2);
        of_.audit = _time(head, 3);
        of_.answer = _time(head, 4);
        of_.window = _time(head, 5);
        of_.clock = _time(head, 6);
        of_.segmentTime = _time(head, 7);
        of_.stepTime = _time(head, 8);
        of_.moveTime = _time(head, 9);
        of_.deadline = uint64(deadline(head));
    }

    function bidding(bytes memory head) internal pure returns (uint256) {
        return _time(head, 0);
    }

    function deadline(bytes memory head) internal pure returns (uint256) {
        return _at(head, DEADLINE, 5);
    }

    function charges(bytes memory head) internal pure returns (Charges memory of_) {
        of_.feeShare = uint16(_at(head, CHARGES, 2));
        of_.minimumImprovement = uint16(_at(head, CHARGES + 2, 2));
        of_.noShowShare = uint16(_at(head, CHARGES + 4, 2));
        of_.lateShare = uint16(_at(head, CHARGES + 6, 2));
        of_.bountyShare = uint16(_at(head, CHARGES + 8, 2));
        of_.minimumStake = uint88(_at(head, CHARGES + 10, 11));
        of_.auditorSlash = uint88(_at(head, CHARGES + 21, 11));
    }

    function feeShare(bytes memory head) internal pure returns (uint256) {
        return _at(head, CHARGES, 2);
    }

    function minimumImprovement(bytes memory head) internal pure returns (uint256) {
        return _at(head, CHARGES + 2, 2);
    }

    function minimumStake(bytes memory head) internal pure returns (uint256) {
        return _at(head, CHARGES + 10, 11);
    }

    function auditorSlash(bytes memory head) internal pure returns (uint256) {
        return _at(head, CHARGES + 21, 11);
    }

    function programs(bytes memory head) internal pure returns (uint256) {
        return _at(head, PROGRAMS, 1);
    }

    function slices(bytes memory head) internal pure returns (uint256) {
        return _at(head, SLICES, 2);
    }

    function program(address terms, uint256 index) internal view returns (ProgramHeader memory header) {
        bytes memory data = _read(terms, HEAD + PROGRAM * index, PROGRAM);
        header.version = uint8(_at(data, 0, 1));
        header.nodes = uint16(_at(data, 1, 2));
        header.items = uint16(_at(data, 3, 2));
        header.states = uint16(_at(data, 5, 2));
        header.inputs = uint16(_at(data, 7, 2));
        header.outputs = uint16(_at(data, 9, 2));
        header.interfaceDigest = bytes32(_at(data, 11, 32));
        header.itemsRoot = bytes32(_at(data, 43, 32));
    }

    function allowed(address terms, bytes memory head) internal view returns (address[] memory) {
        return _accounts(terms, HEAD + PROGRAM * programs(head), _at(head, ALLOWED, 1));
    }

    function banned(address terms, bytes memory head) internal view returns (address[] memory) {
        uint256 from = HEAD + PROGRAM * programs(head) + 20 * _at(head, ALLOWED, 1);
        return _accounts(terms, from, _at(head, BANNED, 1));
    }

    function slice(address terms, bytes memory head, uint256 index) internal view returns (Slice memory of_) {
        uint256 from = _at(_read(terms, _table(head) + 2 * index, 2), 0, 2) - 1; // the stop byte
        bytes memory data = _read(terms, from, SLICE + 64);
        of_.program = uint16(_at(data, 0, 1));
        of_.initialFrom = uint16(_at(data, 1, 2));
        of_.group = uint16(_at(data, 3, 2));
        of_.steps = uint64(_at(data, 5, 8));
        of_.segmentLength = uint32(_at(data, 13, 4));
        of_.work = uint64(_at(data, 17, 8));
        of_.time = uint32(_at(data, 25, 4));
        uint256 count = _at(data, 29, 1);
        uint256 place = SLICE;
        if (of_.initialFrom == GIVEN) {
            of_.initialItem = bytes32(_at(data, place, 32));
            place += 32;
        }
        if (count == 0) {
            of_.inputsRoot = bytes32(_at(data, place, 32));
            return of_;
        }
        data = _read(terms, from + place, 2 * count);
        of_.inputsFrom = new uint16[](count);
        for (uint256 i = 0; i < count; ++i) {
            of_.inputsFrom[i] = uint16(_at(data, 2 * i, 2));
        }
    }

    /// @notice The other slices of a slice's group; none where that is zero.
    function groupOf(address terms, bytes memory head, uint256 index) internal view returns (uint256[] memory others) {
        uint256 begin = _table(head);
        uint256 count = slices(head);
        bytes memory table = _read(terms, begin, 2 * count);
        bytes memory data = _read(terms, begin, CODE_LIMIT);
        uint256 group = _group(table, data, begin, index);
        if (group == 0) return others;
        others = new uint256[](count);
        uint256 found = 0;
        for (uint256 i = 0; i < count; ++i) {
            if (i != index && _group(table, data, begin, i) == group) others[found++] = i;
        }
        assembly ("memory-safe") {
            mstore(others, found)
        }
    }

    function _group(bytes memory table, bytes memory data, uint256 begin, uint256 index)
        private
        pure
        returns (uint256)
    {
        return _at(data, _at(table, 2 * index, 2) - 1 - begin + 3, 2);
    }

    function _table(bytes memory head) private pure returns (uint256) {
        return HEAD + PROGRAM * programs(head) + 20 * (_at(head, ALLOWED, 1) + _at(head, BANNED, 1));
    }

    function _time(bytes memory head, uint256 index) private pure returns (uint32) {
        return uint32(_at(head, TIMES + 4 * index, 4));
    }

    function _accounts(address terms, uint256 from, uint256 count) private view returns (address[] memory accounts) {
        bytes memory data = _read(terms, from, 20 * count);
        accounts = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            accounts[i] = address(uint160(_at(data, 20 * i, 20)));
        }
    }

    /// Bytes behind the stop byte; zeros behind the code's end.
    function _read(address terms, uint256 from, uint256 size) private view returns (bytes memory data) {
        data = new bytes(size);
        assembly ("memory-safe") {
            extcodecopy(terms, add(data, 32), add(from, 1), size)
        }
    }

    function _at(bytes memory data, uint256 from, uint256 size) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(add(add(data, 32), from)))
        }
    }
}
