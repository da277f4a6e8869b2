// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "../sol/IDisputes.sol";
import {ISwarmRecords} from "../sol/ISwarms.sol";
import {IVault} from "../sol/IVault.sol";
import {OneTarget} from "./OneTarget.sol";
import {SwarmStage} from "./SwarmStage.sol";
import {vm} from "./Vm.sol";

/// Participants who do anything in any order, in two swarms. Person 0 stands by whatever is doubted; nobody disputes its
/// histories, so it never loses.
contract SwarmPeople is SwarmStage {
    uint256 private constant PEOPLE = 5;
    uint256 private constant SWARMS = 2;
    address private constant CHALLENGER = address(0xc4a1);

    mapping(uint256 number => uint256) private disputeOf;

    constructor() {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            fund(person(i), 1_000 ether, 10_000 ether);
        }
        fund(CHALLENGER, 10_000 ether, 0);
        for (uint256 i = 0; i < SWARMS; ++i) {
            create(4, 1, 3);
            for (uint256 k = 0; k < 3; ++k) {
                join(i + 1, k);
            }
            begin(i + 1);
        }
    }

    // What happens ----------------------------------------------------------------------------------------------------

    function joinOrLeave(uint256 which, uint256 who) external {
        (uint256 swarm, address account) = (1 + which % SWARMS, person(who % PEOPLE));
        vm.prank(account);
        try swarms.join(swarm, "") {}
        catch {
            vm.prank(which % 3 == 0 ? CHALLENGER : account);
            try swarms.leave(swarm, account) {} catch {}
        }
    }

    function play(uint256 which, uint256 mask) external {
        uint256 swarm = 1 + which % SWARMS;
        uint256 round = swarms.getSwarm(swarm).round;
        for (uint256 who = 0; who < PEOPLE; ++who) {
            if (mask & (1 << who) == 0) continue;
            for (uint256 stage = 0; stage < 3; ++stage) {
                try this.submit(swarm, round, stage, person(who)) {} catch {}
            }
            try this.claim(swarm, round, person(who)) {} catch {}
        }
    }

    /// A whole round, up to the claims, of those in the mask who may.
    function playRound(uint256 which, uint256 mask) external {
        uint256 swarm = 1 + which % SWARMS;
        try swarms.advance(swarm) {} catch {}
        vm.roll(block.number + 1);
        try swarms.advance(swarm) {} catch {}
        ISwarmRecords.Round memory played = swarms.getRound(swarm, swarms.getSwarm(swarm).round);
        for (uint256 stage = 0; stage < 3; ++stage) {
            if (block.timestamp >= played.begin + STAGE * (stage + 1)) continue;
            _stage(swarm, stage, mask | (mask >> (8 * stage)));
            vm.warp(played.begin + STAGE * (stage + 1));
        }
        for (uint256 who = 0; who < PEOPLE; ++who) {
            try this.claim(swarm, swarms.getSwarm(swarm).round, person(who)) {} catch {}
        }
    }

    function _stage(uint256 swarm, uint256 stage, uint256 mask) private {
        uint256 round = swarms.getSwarm(swarm).round;
        for (uint256 who = 0; who < PEOPLE; ++who) {
            if (mask & (1 << who) == 0) continue;
            try this.submit(swarm, round, stage, person(who)) {} catch {}
        }
    }

    function challenge(uint256 which, uint256 by) external {
        uint256 swarm = 1 + which % SWARMS;
        uint256 round = swarms.getSwarm(swarm).round;
        for (uint256 seat = 0; seat < 4; ++seat) {
            if (which & (1 << (8 + seat)) == 0) continue;
            vm.prank(by % 2 == 0 ? CHALLENGER : person(by % PEOPLE));
            try swarms.challenge(swarm, round, seat, which & 2 == 0 ? 0 : 2, 0) returns (uint256 number) {
                if (swarms.getChallenge(number).account == person(0)) stand(number);
            } catch {}
        }
    }

    /// Stands by the doubted scores of those in the mask; others then dispute that, or do not.
    function standBy(uint256 mask, bool disputed) external {
        for (uint256 number = swarms.challengeCount(); number > 0; --number) {
            ISwarmRecords.Challenge memory made = swarms.getChallenge(number);
            if (made.status != ISwarmRecords.ChallengeStatus.Open || mask & (1 << (number % 16)) == 0) continue;
            try this.stand(number) returns (bytes32 claimed) {
                if (disputed && made.account != person(0)) _dispute(number, claimed);
            } catch {}
        }
    }

    function finishAll(bool late) external {
        if (late) vm.warp(block.timestamp + 101);
        _finishAll();
    }

    function settleAll() external {
        for (uint256 swarm = 1; swarm <= SWARMS; ++swarm) {
            try swarms.settle(swarm) {} catch {}
            try swarms.close(swarm) {} catch {}
        }
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + 10 + time % 110);
        vm.roll(block.number + 1 + time % 3);
        for (uint256 swarm = 1; swarm <= SWARMS; ++swarm) {
            try swarms.advance(swarm) {} catch {}
        }
    }

    function _dispute(uint256 number, bytes32 claimed) private {
        uint256 bond = proofTerms().bond;
        vm.prank(CHALLENGER);
        disputeOf[number] = disputes.challenge{value: bond}(claimed);
    }

    function _finishAll() private {
        for (uint256 number = swarms.challengeCount(); number > 0; --number) {
            ISwarmRecords.Challenge memory made = swarms.getChallenge(number);
            uint256 dispute = disputeOf[number];
            if (dispute != 0) {
                try disputes.timeout(dispute) {} catch {}
            }
            if (made.claim != 0) {
                try disputes.finalize(made.claim) {} catch {}
            }
            try swarms.finish(number, dispute) {} catch {}
        }
    }

    // What is looked at -----------------------------------------------------------------------------------------------

    function isSolvent() external view returns (bool) {
        uint256 sum = owned(TREASURY) + owned(CREATOR) + owned(CHALLENGER);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            sum += owned(person(i));
        }
        return sum + inEscrow() == token.balanceOf(address(vault));
    }

    function inEscrow() public view returns (uint256 sum) {
        for (uint256 swarm = 1; swarm <= SWARMS; ++swarm) {
            sum += vault.escrowOf(address(swarms), swarm);
        }
        for (uint256 number = swarms.challengeCount(); number > 0; --number) {
            sum += vault.escrowOf(address(swarms), (1 << 255) | number);
        }
    }

    /// Whoever sits has its stake locked, nobody else has anything locked, and seats are what they are said to be.
    function locksAreSeats() external view returns (bool) {
        uint256[SWARMS] memory seated;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            uint256 joined = 0;
            for (uint256 swarm = 1; swarm <= SWARMS; ++swarm) {
                ISwarmRecords.Member memory member = swarms.getMember(swarm, person(i));
                if (!member.joined) continue;
                if (member.slashed || swarms.getSwarm(swarm).taken & (1 << member.seat) == 0) return false;
                ++joined;
                ++seated[swarm - 1];
            }
            if (vault.getAccount(person(i)).locked != joined * 100 ether) return false;
        }
        for (uint256 swarm = 1; swarm <= SWARMS; ++swarm) {
            if (swarms.getSwarm(swarm).participants != seated[swarm - 1]) return false;
        }
        return true;
    }

    /// What rounds to come can pay is there.
    function escrowsCover() external view returns (bool) {
        for (uint256 swarm = 1; swarm <= SWARMS; ++swarm) {
            ISwarmRecords.Swarm memory kept = swarms.getSwarm(swarm);
            uint256 least = kept.closed ? 0 : uint256(kept.rounds - kept.settled) * kept.reward;
            uint256 found = vault.escrowOf(address(swarms), swarm);
            if (found < least || (kept.closed && found != 0)) return false;
        }
        return true;
    }

    function honestLoseNoStake() external view returns (bool) {
        return vault.getAccount(person(0)).stake == 10_000 ether;
    }

    function owned(address account) private view returns (uint256) {
        IVault.Account memory kept = vault.getAccount(account);
        return uint256(kept.stake) + kept.credit + kept.unbonding;
    }

    /// Nobody does anything any more but whoever wants to see it end: nothing is left over.
    function endAll() external returns (bool) {
        for (uint256 i = 0; i < 4; ++i) {
            vm.warp(block.timestamp + 10 days);
            _finishAll();
        }
        vm.warp(block.timestamp + 30 days);
        for (uint256 swarm = 1; swarm <= SWARMS; ++swarm) {
            if (swarms.getSwarm(swarm).closed) continue;
            while (swarms.getSwarm(swarm).settled != swarms.getSwarm(swarm).round) {
                swarms.settle(swarm);
            }
            swarms.close(swarm);
        }
        for (uint256 i = 0; i < PEOPLE; ++i) {
            for (uint256 swarm = 1; swarm <= SWARMS; ++swarm) {
                if (swarms.getMember(swarm, person(i)).joined) swarms.leave(swarm, person(i));
            }
            if (vault.getAccount(person(i)).locked != 0) return false;
        }
        return inEscrow() == 0;
    }
}

contract SwarmsMoneyTest is OneTarget {
    SwarmPeople private people;

    function setUp() external {
        people = new SwarmPeople();
    }

    function target() internal view override returns (address) {
        return address(people);
    }

    function calls() internal pure override returns (bytes4[] memory selectors) {
        selectors = new bytes4[](11);
        selectors[0] = SwarmPeople.joinOrLeave.selector;
        selectors[1] = SwarmPeople.play.selector;
        selectors[2] = SwarmPeople.challenge.selector;
        selectors[3] = SwarmPeople.standBy.selector;
        selectors[4] = SwarmPeople.finishAll.selector;
        selectors[5] = SwarmPeople.settleAll.selector;
        selectors[6] = SwarmPeople.wait.selector;
        // More often than the rest.
        selectors[7] = SwarmPeople.playRound.selector;
        selectors[8] = SwarmPeople.challenge.selector;
        selectors[9] = SwarmPeople.standBy.selector;
        selectors[10] = SwarmPeople.playRound.selector;
    }

    /// forge-config: default.invariant.runs = 16
    /// forge-config: default.invariant.depth = 64
    /// forge-config: nightly.invariant.runs = 256
    /// forge-config: nightly.invariant.depth = 128
    function invariant_every_token_is_somebodys_or_waits_for_a_purpose() external view {
        assert(people.isSolvent());
        assert(people.locksAreSeats());
        assert(people.escrowsCover());
        assert(people.honestLoseNoStake());
    }

    function afterInvariant() external {
        assert(people.endAll());
        assert(people.isSolvent());
    }
}
