// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "../sol/IDisputes.sol";
import {Counting, deployDisputes} from "./Counting.sol";
import {OneTarget} from "./OneTarget.sol";
import {vm} from "./Vm.sol";

/// Three people who claim, challenge, move well or badly, wait and withdraw, in any order.
contract DisputesPeople {
    uint256 private constant PEOPLE = 3;
    address public constant TREASURY = address(0x7ea);

    IDisputes public immutable disputes;
    uint128 public immutable bond;
    bytes32[2] private tasks;

    bytes32[] public claims;
    mapping(bytes32 => uint256) public lieOf; // the first wrong step, 5 for the truth
    mapping(bytes32 => IDisputes.ClaimStatus) private statusSeen;
    mapping(uint256 => IDisputes.Outcome) private outcomeSeen;
    uint256 public paid; // to and from the contract
    uint256 public taken;

    constructor() {
        disputes = deployDisputes(TREASURY, 2_000, 10 gwei, 10);
        bond = uint128(disputes.minimumBond());
        tasks[0] = disputes.createTask(Counting.task(Counting.node(), bond));
        tasks[1] = disputes.createTask(Counting.task(Counting.brokenNode(), bond));
        vm.fee(3 gwei);
        vm.txGasPrice(3 gwei);
        vm.warp(1_000_000);
    }

    function person(uint256 i) public pure returns (address) {
        return address(uint160(0x1000 + i % PEOPLE));
    }

    function people() external pure returns (uint256) {
        return PEOPLE;
    }

    function claimCount() external view returns (uint256) {
        return claims.length;
    }

    // What happens --------------------------------------------------------------------------------------------------

    function claim(uint256 who, uint256 task, uint256 lie) external {
        lie %= 6;
        bytes32 root = Counting.root(history(lie));
        address claimant = person(who);
        vm.deal(claimant, bond);
        vm.prank(claimant);
        // One in eight is about the invalid program.
        try disputes.claim{value: bond}(tasks[task % 8 == 0 ? 1 : 0], root) returns (bytes32 id) {
            paid += bond;
            claims.push(id);
            lieOf[id] = lie;
        } catch {}
    }

    function challenge(uint256 who, uint256 which) external {
        if (claims.length == 0) return;
        address challenger = person(who);
        vm.deal(challenger, bond);
        vm.prank(challenger);
        try disputes.challenge{value: bond}(claims[which % claims.length]) {
            paid += bond;
        } catch {}
    }

    /// A move that the rules allow: the claimant's, or an answer that goes for `step`.
    function move(uint256 which, uint256 step, uint256 times) external {
        if (disputes.disputeCount() == 0) return;
        uint256 number = 1 + which % disputes.disputeCount();
        for (uint256 i = 0; i < 1 + times % 8; ++i) {
            IDisputes.Dispute memory game = disputes.getDispute(number);
            if (game.place.outcome != IDisputes.Outcome.Open) return;
            bytes memory call = nextCall(number, game, step % 5);
            vm.prank(game.place.turn == 0 ? disputes.getClaim(game.claim).claimant : game.challenger);
            (bool sent,) = address(disputes).call(call);
            sent;
        }
    }

    function nextCall(uint256 number, IDisputes.Dispute memory game, uint256 step) private view returns (bytes memory) {
        uint32[5] memory words = history(lieOf[game.claim]);
        if (game.place.turn == 0) return Counting.post(disputes, number, words);
        bool broken = disputes.getClaim(game.claim).task != tasks[0];
        bytes memory node = broken ? Counting.brokenNode() : Counting.node();
        return Counting.answer(disputes, number, words, stepFor(game, step), node);
    }

    function garbage(uint256 who, bytes calldata call) external {
        vm.prank(person(who));
        (bool sent,) = address(disputes).call(call);
        sent;
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + time % 1_000);
    }

    function waitLong() external {
        vm.warp(block.timestamp + 12 hours);
    }

    function timeout(uint256 who, uint256 which) external {
        if (disputes.disputeCount() == 0) return;
        vm.prank(person(who));
        try disputes.timeout(1 + which % disputes.disputeCount()) {} catch {}
    }

    function end(uint256 which) external {
        if (disputes.disputeCount() != 0) {
            try disputes.close(1 + which % disputes.disputeCount()) {} catch {}
        }
        if (claims.length == 0) return;
        bytes32 id = claims[which % claims.length];
        try disputes.finalize(id) {} catch {}
        try disputes.release(id) {} catch {}
    }

    function withdraw(uint256 who) external {
        withdrawFor(person(who));
    }

    function withdrawFor(address account) public {
        uint256 before = account.balance;
        vm.prank(account);
        try disputes.withdraw(account) {
            taken += account.balance - before;
        } catch {}
    }

    // What is looked at ---------------------------------------------------------------------------------------------

    function history(uint256 lie) private pure returns (uint32[5] memory) {
        return lie == 5 ? Counting.truth() : Counting.lie(lie);
    }

    /// A challenger keeps to the step that it has begun to go for, as the item that is agreed on tells.
    function stepFor(IDisputes.Dispute memory game, uint256 step) private view returns (uint256) {
        uint32[5] memory words = history(lieOf[game.claim]);
        if (game.place.phase == 0) return step;
        if (game.place.phase == 1) {
            uint256 first = game.place.segment * 2;
            return first + step % (first == 4 ? 1 : 2);
        }
        if (game.agreed == Counting.item(0)) return 0;
        for (uint256 i = 0; i < 4; ++i) {
            if (game.agreed == Counting.item(words[i])) return i + 1;
        }
        return 0;
    }

    /// What the contract must hold: credit, and the bonds of all that has not ended.
    function owed() external view returns (uint256 sum) {
        sum = disputes.credit(TREASURY);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            sum += disputes.credit(person(i));
        }
        for (uint256 i = 0; i < claims.length; ++i) {
            IDisputes.Claim memory made = disputes.getClaim(claims[i]);
            if (made.status == IDisputes.ClaimStatus.Standing) sum += bond;
            sum += made.pot;
        }
        for (uint256 n = 1; n <= disputes.disputeCount(); ++n) {
            if (disputes.getDispute(n).place.outcome == IDisputes.Outcome.Open) sum += bond;
        }
    }

    /// Whether nothing that had ended has changed since the last look.
    function onlyForward() external returns (bool) {
        for (uint256 i = 0; i < claims.length; ++i) {
            IDisputes.ClaimStatus status = disputes.getClaim(claims[i]).status;
            IDisputes.ClaimStatus seen = statusSeen[claims[i]];
            if (seen > IDisputes.ClaimStatus.Standing && seen != status) return false;
            if (status == IDisputes.ClaimStatus.None) return false;
            statusSeen[claims[i]] = status;
        }
        for (uint256 n = 1; n <= disputes.disputeCount(); ++n) {
            IDisputes.Outcome outcome = disputes.getDispute(n).place.outcome;
            IDisputes.Outcome seen = outcomeSeen[n];
            if (seen > IDisputes.Outcome.Open && seen != outcome) return false;
            if (outcome == IDisputes.Outcome.None) return false;
            outcomeSeen[n] = outcome;
        }
        return true;
    }

    /// How many disputes about each claim are open is what the claim says.
    function countsOpen() external view returns (bool) {
        for (uint256 i = 0; i < claims.length; ++i) {
            uint256 open;
            for (uint256 n = 1; n <= disputes.disputeCount(); ++n) {
                IDisputes.Dispute memory game = disputes.getDispute(n);
                if (game.claim == claims[i] && game.place.outcome == IDisputes.Outcome.Open) ++open;
            }
            IDisputes.Claim memory made = disputes.getClaim(claims[i]);
            if (made.open != open) return false;
            if (made.pot != 0 && (open == 0 || made.status != IDisputes.ClaimStatus.Fallen)) return false;
            // Nobody who was right falls: the challenger of a true history has no way to win but the clock.
            if (made.status == IDisputes.ClaimStatus.Final && open != 0) return false;
        }
        return true;
    }

    /// Anyone can end everything, and then all the money can leave.
    function endAll() external {
        vm.warp(block.timestamp + 100 days);
        for (uint256 n = 1; n <= disputes.disputeCount(); ++n) {
            IDisputes.Dispute memory game = disputes.getDispute(n);
            if (game.place.outcome != IDisputes.Outcome.Open) continue;
            IDisputes.Claim memory disputed = disputes.getClaim(game.claim);
            if (disputed.status == IDisputes.ClaimStatus.Standing && disputes.getTask(disputed.task).invalid) {
                disputes.release(game.claim);
            }
            if (disputes.getClaim(game.claim).status == IDisputes.ClaimStatus.Standing) disputes.timeout(n);
            else disputes.close(n);
        }
        for (uint256 i = 0; i < claims.length; ++i) {
            IDisputes.Claim memory made = disputes.getClaim(claims[i]);
            if (made.status != IDisputes.ClaimStatus.Standing) continue;
            if (disputes.getTask(made.task).invalid) disputes.release(claims[i]);
            else disputes.finalize(claims[i]);
        }
        for (uint256 i = 0; i < PEOPLE; ++i) {
            withdrawFor(person(i));
        }
        withdrawFor(TREASURY);
    }
}

contract DisputesMoneyTest is OneTarget {
    DisputesPeople private people;

    function setUp() external {
        people = new DisputesPeople();
    }

    function target() internal view override returns (address) {
        return address(people);
    }

    function calls() internal pure override returns (bytes4[] memory selectors) {
        selectors = new bytes4[](12);
        selectors[0] = DisputesPeople.claim.selector;
        selectors[1] = DisputesPeople.challenge.selector;
        selectors[2] = DisputesPeople.move.selector;
        selectors[3] = DisputesPeople.garbage.selector;
        selectors[4] = DisputesPeople.wait.selector;
        selectors[5] = DisputesPeople.waitLong.selector;
        selectors[6] = DisputesPeople.timeout.selector;
        selectors[7] = DisputesPeople.end.selector;
        selectors[8] = DisputesPeople.withdraw.selector;
        // More often than the rest.
        selectors[9] = DisputesPeople.move.selector;
        selectors[10] = DisputesPeople.move.selector;
        selectors[11] = DisputesPeople.challenge.selector;
    }

    /// forge-config: default.invariant.runs = 24
    /// forge-config: default.invariant.depth = 64
    function invariant_every_coin_is_owed_to_somebody() external view {
        assert(address(people.disputes()).balance == people.owed());
        assert(address(people.disputes()).balance == people.paid() - people.taken());
        assert(people.countsOpen());
    }

    /// forge-config: default.invariant.runs = 24
    /// forge-config: default.invariant.depth = 64
    function invariant_what_has_ended_stays_ended() external {
        assert(people.onlyForward());
    }

    function afterInvariant() external {
        people.endAll();
        assert(address(people.disputes()).balance == 0);
        assert(people.onlyForward());
    }
}
