// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bounds} from "./Bounds.sol";
import {ProgramHeader} from "./IDisputes.sol";
import {Charges, Post, Slice, Times} from "./IMarket.sol";
import {Terms} from "./Terms.sol";

/// @title What a job may be
/// @notice Hard bounds of all that is posted and of the protocol's charges. A task that follows from a post within them
/// is one that Disputes takes: no provider has to answer for a task that cannot be made.
library PostRules {
    uint256 internal constant MAX_PROGRAMS = 8;
    uint256 internal constant MAX_SLICES = 256;
    uint256 internal constant MAX_READ = 64;
    uint256 internal constant MAX_NAMED = 64;
    uint256 internal constant MAX_AUDITORS = 8;
    /// An audit goes through all segments of a slice in one transaction.
    uint256 internal constant MAX_SEGMENTS = 256;
    uint256 internal constant MAX_PRICE = 2 ** 80;
    uint256 internal constant MAX_WORK = 2 ** 48;
    uint256 internal constant MAX_PHASE = 7 days;
    uint256 internal constant MAX_RUN = 30 days;
    uint256 internal constant MAX_LIFETIME = 365 days;
    uint256 internal constant WHOLE = 10_000;
    // Of Disputes.
    uint256 internal constant MAX_TIME = 30 days;
    uint256 internal constant MAX_WINDOW = 90 days;
    uint256 internal constant MAX_STEPS = 2 ** 48;
    uint256 internal constant MAX_SEGMENT = 2 ** 20;

    /// @param minimumTime The least for each time
    /// @param minimumBond The least bond
    /// @param window The least window: an audit must end in it, and leave time for a challenge
    /// @return escrow What the requester puts down
    function check(Post calldata post, Charges memory charges, uint256 minimumTime, uint256 minimumBond, uint256 window)
        internal
        view
        returns (uint256 escrow)
    {
        Bounds.within("programs", post.programs.length, 1, MAX_PROGRAMS);
        for (uint256 i = 0; i < post.programs.length; ++i) {
            _checkProgram(post.programs[i]);
        }
        Bounds.within("ceiling", post.ceiling, 1, MAX_PRICE);
        // An auditor does the same work for a unit: cheaper ones would all miss.
        Bounds.within("auditPrice", post.auditPrice, (uint256(post.ceiling) + 1) / 2, MAX_PRICE);
        Bounds.within("bond", post.bond, minimumBond, type(uint96).max);
        Bounds.within("auditRate", post.auditRate, 1, WHOLE);
        Bounds.within("auditors", post.auditors, 1, MAX_AUDITORS);
        Bounds.within("allowed", post.allowed.length, 0, MAX_NAMED);
        Bounds.within("banned", post.banned.length, 0, MAX_NAMED);
        _checkTimes(post.times, minimumTime, window);

        Bounds.within("slices", post.slices.length, 1, MAX_SLICES);
        uint256 work = 0;
        uint256 most = 0;
        for (uint256 i = 0; i < post.slices.length; ++i) {
            Slice calldata slice = post.slices[i];
            _checkSlice(slice, i, post.programs.length, minimumTime);
            work += slice.work;
            if (slice.work > most) most = slice.work;
        }
        uint256 audits = uint256(post.auditors) * post.auditPrice;
        Bounds.within("stake", stake(post.ceiling, audits, post.auditRate, most, 0), 0, type(uint96).max);
        uint256 net = (post.ceiling + audits) * work;
        escrow = net + (net * charges.feeShare + WHOLE - 1) / WHOLE;
        Bounds.within("escrow", escrow, 0, type(uint96).max);
    }

    /// @notice The stake that is locked for a slice: what a liar could gain over the probability that one auditor finds it,
    /// and twice what its auditors get, so that a slash pays them whatever its bounty is.
    /// @param audits What all auditors get for a unit of work
    function stake(uint256 ceiling, uint256 audits, uint256 auditRate, uint256 work, uint256 minimumStake)
        internal
        pure
        returns (uint256 amount)
    {
        amount = ceiling * work * WHOLE / auditRate + 2 * audits * work;
        if (amount < minimumStake) amount = minimumStake;
    }

    function checkCharges(Charges memory charges) internal pure {
        Bounds.within("feeShare", charges.feeShare, 0, 2_000);
        Bounds.within("minimumImprovement", charges.minimumImprovement, 1, 2_000);
        Bounds.within("noShowShare", charges.noShowShare, 1, 5_000);
        Bounds.within("lateShare", charges.lateShare, 1, 5_000);
        // The rest of a slash pays the auditors: see stake.
        Bounds.within("bountyShare", charges.bountyShare, 1, 5_000);
        Bounds.within("minimumStake", charges.minimumStake, 1, type(uint88).max);
        Bounds.within("auditorSlash", charges.auditorSlash, 1, type(uint88).max);
    }

    function _checkTimes(Times calldata times, uint256 minimumTime, uint256 window) private view {
        Bounds.within("bidding", times.bidding, minimumTime, MAX_PHASE);
        Bounds.within("inclusion", times.inclusion, minimumTime, MAX_PHASE);
        Bounds.within("receipt", times.receipt, minimumTime, MAX_PHASE);
        Bounds.within("audit", times.audit, minimumTime, MAX_PHASE);
        Bounds.within("answer", times.answer, minimumTime, MAX_PHASE);
        Bounds.within("window", times.window, window, MAX_WINDOW);
        Bounds.within("clock", times.clock, minimumTime, MAX_TIME);
        Bounds.within("moveTime", times.moveTime, minimumTime, MAX_TIME);
        Bounds.within("stepTime", times.stepTime, times.moveTime, MAX_TIME);
        Bounds.within("segmentTime", times.segmentTime, times.stepTime, MAX_TIME);
        Bounds.within("deadline", times.deadline, block.timestamp + 1, block.timestamp + MAX_LIFETIME);
    }

    function _checkProgram(ProgramHeader calldata header) private pure {
        Bounds.within("version", header.version, 1, 1);
        Bounds.within("nodes", header.nodes, 1, 16_384);
        Bounds.within("states", header.states, 0, 4_096);
        Bounds.within("inputs", header.inputs, 0, 4_096);
        Bounds.within("outputs", header.outputs, 0, 4_096);
        uint256 items = header.nodes + _joins(header.states) + _joins(header.outputs) + 1;
        Bounds.within("items", header.items, items, items);
    }

    function _checkSlice(Slice calldata slice, uint256 index, uint256 programs, uint256 minimumTime) private pure {
        Bounds.within("program", slice.program, 0, programs - 1);
        if (slice.initialFrom != Terms.GIVEN) {
            Bounds.within("initialFrom", uint256(slice.initialFrom) + 1, 1, index);
            Bounds.within("initialItem", uint256(slice.initialItem), 0, 0);
        }
        uint256 count = slice.inputsFrom.length;
        Bounds.within("inputsFrom", count, 0, MAX_READ);
        for (uint256 i = 0; i < count; ++i) {
            Bounds.within("inputsFrom", uint256(slice.inputsFrom[i]) + 1, 1, index);
        }
        if (count != 0) Bounds.within("inputsRoot", uint256(slice.inputsRoot), 0, 0);
        Bounds.within("steps", slice.steps, 1, MAX_STEPS);
        Bounds.within("segmentLength", slice.segmentLength, 1, MAX_SEGMENT);
        uint256 segments = (uint256(slice.steps) + slice.segmentLength - 1) / slice.segmentLength;
        Bounds.within("segments", segments, 1, MAX_SEGMENTS);
        Bounds.within("work", slice.work, 1, MAX_WORK);
        Bounds.within("time", slice.time, minimumTime, MAX_RUN);
    }

    /// How many joins the tree over `count` digests has.
    function _joins(uint256 count) private pure returns (uint256 joins) {
        while (count > 1) {
            count = (count + 1) / 2;
            joins += count;
        }
    }
}
