// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bounds} from "./Bounds.sol";
import {ProgramHeader} from "./IDisputes.sol";
import {Charges, IMarket, Post, Slice} from "./IMarket.sol";
import {PostRules} from "./PostRules.sol";
import {Terms} from "./Terms.sol";

/// @title What is posted: checked, kept and read
/// @notice Keeps nothing itself: every job's terms are the code of a contract of their own.
contract Postings {
    using Terms for address;
    using Terms for bytes;

    /// @notice Checks a post and makes its contract.
    /// @param minimumTime The least for each time
    /// @param minimumBond The least bond
    /// @param window The least window
    /// @return terms The contract
    /// @return escrow What the requester puts down
    function write(
        Post calldata post,
        Charges calldata charges,
        uint256 minimumTime,
        uint256 minimumBond,
        uint256 window
    ) external returns (address terms, uint256 escrow) {
        escrow = PostRules.check(post, charges, minimumTime, minimumBond, window);
        terms = Terms.write(post, charges);
    }

    function specOf(address terms) external view returns (IMarket.Spec memory spec) {
        bytes memory head = terms.read();
        spec.manifest = head.manifest();
        spec.ceiling = uint96(head.ceiling());
        spec.auditPrice = uint96(head.auditPrice());
        spec.bond = uint96(head.bond());
        spec.auditRate = uint16(head.auditRate());
        spec.auditors = uint8(head.auditors());
        spec.times = head.times();
        spec.charges = head.charges();
        spec.allowed = terms.allowed(head);
        spec.banned = terms.banned(head);
    }

    function programOf(address terms, uint8 program) external view returns (ProgramHeader memory) {
        Bounds.within("program", program, 0, terms.read().programs() - 1);
        return terms.program(program);
    }

    function sliceOf(address terms, uint16 slice) external view returns (Slice memory) {
        bytes memory head = terms.read();
        Bounds.within("slice", slice, 0, head.slices() - 1);
        return terms.slice(head, slice);
    }
}
