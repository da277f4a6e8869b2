// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BlockDraw} from "../sol/BlockDraw.sol";
import {Delegations} from "../sol/Delegations.sol";
import {IDelegations} from "../sol/IDelegations.sol";
import {IDisputes, ProgramHeader, Task} from "../sol/IDisputes.sol";
import {IDraw} from "../sol/IDraw.sol";
import {AnswerOpening, FamilyLevel, ISwarmRecords, Opened, ProofTerms, SwarmTerms, Weights} from "../sol/ISwarms.sol";
import {IVault} from "../sol/IVault.sol";
import {ScoreTasks} from "../sol/ScoreTasks.sol";
import {SwarmScores} from "../sol/SwarmScores.sol";
import {SwarmOffices} from "../sol/SwarmState.sol";
import {Swarms} from "../sol/Swarms.sol";
import {Token} from "../sol/Token.sol";
import {Vault} from "../sol/Vault.sol";
import {deployDisputes} from "./Counting.sol";
import {vm} from "./Vm.sol";

/// @title Swarms on a chain of their own
/// @notice Everything is the real contract. A participant's answers are its name, and all it commits to follows from its
/// name and the round, so that nothing has to be remembered.
contract SwarmStage {
    address public constant TREASURY = address(0x7ea);
    address public constant CREATOR = address(0xc4ea);
    uint256 public constant FUNDS = 1_000_000 ether;
    uint32 internal constant STAGE = 100;

    Token public token;
    Vault public vault;
    Delegations public delegations;
    IDisputes public disputes;
    Swarms public swarms;

    constructor() {
        vm.warp(1_000_000);
        uint256 first = vm.getNonce(address(this));
        // In the order of deployment below; deployDisputes makes two contracts.
        address swarmsAt = vm.computeCreateAddress(address(this), first + 7);
        token = new Token(address(this), 1_000_000_000 ether);
        delegations = new Delegations();
        disputes = deployDisputes(TREASURY, 2_000, 10 gwei, 10);
        vault = new Vault(token, address(0x91), address(0x92), swarmsAt, 7 days);
        BlockDraw drawing = new BlockDraw(swarmsAt, 12);
        SwarmOffices memory offices = SwarmOffices(
            IVault(address(vault)), disputes, IDelegations(address(delegations)), IDraw(address(drawing)), TREASURY
        );
        SwarmScores scores = new SwarmScores(offices);
        swarms = new Swarms(offices, scores, 10);
        assert(address(swarms) == swarmsAt);
        fund(CREATOR, FUNDS, 0);
        vm.fee(1 gwei);
        vm.txGasPrice(1 gwei);
    }

    function fund(address account, uint256 credit, uint256 stake) public {
        token.approve(address(vault), credit + stake);
        vault.deposit(account, credit + stake);
        vm.deal(account, 1_000_000 ether);
        if (stake == 0) return;
        vm.prank(account);
        vault.stake(stake);
    }

    function person(uint256 i) public pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    // Terms -----------------------------------------------------------------------------------------------------------

    function proofTerms() public view returns (ProofTerms memory proof) {
        proof.header = ProgramHeader(1, 1, 5, 2, 2, 1, bytes32(uint256(5)), bytes32(uint256(6)));
        // Two states: one join; one output: none; and the step item.
        proof.header.items = 3;
        proof.initialItem = bytes32(uint256(7));
        (proof.steps, proof.segmentLength) = (8, 8);
        (proof.window, proof.clock) = (300, 100);
        (proof.segmentTime, proof.stepTime, proof.moveTime) = (50, 30, 20);
        proof.bond = uint128(disputes.minimumBond());
    }

    function families() public pure returns (FamilyLevel[] memory list) {
        list = new FamilyLevel[](2);
        list[0] = FamilyLevel(bytes32(uint256(0xa)), 1);
        list[1] = FamilyLevel(bytes32(uint256(0xb)), 2);
    }

    function termsOf(uint8 most, uint8 tasks, uint16 rounds) public view returns (SwarmTerms memory terms) {
        terms.manifest = bytes32(uint256(1));
        (terms.answerTime, terms.critiqueTime, terms.resolveTime) = (STAGE, STAGE, STAGE);
        (terms.claimTime, terms.challengeTime, terms.standTime) = (STAGE, STAGE, STAGE);
        terms.expiry = uint40(block.timestamp + 30 days);
        (terms.rounds, terms.tasks, terms.minimum, terms.most) = (rounds, tasks, 1, most);
        terms.weights = Weights(2, 1, 1, 2);
        (terms.stake, terms.reward, terms.deposit) = (100 ether, 60 ether, 10 ether);
        terms.families = families();
        terms.proof = proofTerms();
    }

    function create(uint8 most, uint8 tasks, uint16 rounds) public returns (uint256) {
        SwarmTerms memory terms = termsOf(most, tasks, rounds);
        vm.prank(CREATOR);
        return swarms.create(terms);
    }

    function join(uint256 swarm, uint256 who) public {
        vm.prank(person(who));
        swarms.join(swarm, "");
    }

    /// Begins the next round, in two blocks.
    function begin(uint256 swarm) public {
        swarms.advance(swarm);
        vm.roll(block.number + 1);
        swarms.advance(swarm);
        vm.roll(block.number + 1);
    }

    // What everybody does ---------------------------------------------------------------------------------------------

    function answerOf(address account) public pure returns (bytes memory) {
        return abi.encodePacked(account);
    }

    /// All tasks have the same answer, whose leaf differs by the task: a tree of one task is its leaf.
    function rootOf(address account) public pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(uint256(0), keccak256(answerOf(account))))));
    }

    /// What a participant commits to in a stage: numbers that follow from who and when.
    function partOf(uint256 swarm, uint256 round, uint256 stage, address account)
        public
        view
        returns (Opened memory part)
    {
        uint256 drawn = uint256(keccak256(abi.encode(swarm, round, stage, account)));
        uint256 tasks = swarms.getSwarm(swarm).tasks;
        uint256 seats = swarms.getRound(swarm, round).seats;
        uint256 seat = swarms.getMember(swarm, account).seat;
        part.root = rootOf(account);
        part.salt = bytes32(drawn);
        for (uint256 task = 0; task < tasks; ++task) {
            uint256 score = drawn % 3 == 0 ? 100 : (drawn >> 8) % 101;
            uint256 vote = stage == 2 ? (drawn >> 16) % (seats + 1) : 0;
            part.scores |= bytes32((stage == 1 ? score + 1 : score) << (248 - 8 * task));
            if (vote != seat + 1) part.votes |= bytes32(vote << (248 - 8 * task));
            drawn = uint256(keccak256(abi.encode(drawn)));
        }
    }

    function submit(uint256 swarm, uint256 round, uint256 stage, address account) public {
        Opened memory part = partOf(swarm, round, stage, account);
        bytes32 commitment = keccak256(
            abi.encode(
                block.chainid,
                address(swarms),
                swarm,
                round,
                stage,
                account,
                part.root,
                part.scores,
                part.votes,
                part.salt
            )
        );
        vm.prank(account);
        swarms.submit(swarm, round, stage, commitment);
    }

    function claim(uint256 swarm, uint256 round, address account) public {
        ISwarmRecords.Entry memory entry = swarms.getEntry(swarm, round, swarms.getMember(swarm, account).seat);
        uint256 count = 0;
        for (uint256 stage = 0; stage < 3; ++stage) {
            if (entry.submitted & (1 << stage) != 0) ++count;
        }
        Opened[] memory opened = new Opened[](count);
        count = 0;
        for (uint256 stage = 0; stage < 3; ++stage) {
            if (entry.submitted & (1 << stage) != 0) opened[count++] = partOf(swarm, round, stage, account);
        }
        swarms.claim(swarm, round, account, opened);
    }

    /// Claims a history in Disputes that ends in the challenged score, whether that is true or not, and stands by it.
    function stand(uint256 number) public returns (bytes32 claimed) {
        ISwarmRecords.Challenge memory made = swarms.getChallenge(number);
        ISwarmRecords.Entry memory entry = swarms.getEntry(made.swarm, made.round, made.seat);
        uint256 score = uint8((made.stage == 0 ? entry.answers : entry.finals)[made.task]);
        ProofTerms memory proof = proofTerms();
        bytes32 task;
        {
            (uint256 family, uint32 seed) =
                ScoreTasks.taskAt(swarms.getRound(made.swarm, made.round).seed, made.task, 2);
            bytes32 context = keccak256(abi.encode(block.chainid, address(swarms), number));
            Task memory terms = ScoreTasks.make(proof, families()[family], seed, answerOf(made.account), context);
            task = disputes.createTask(terms);
        }
        bytes32 root = ScoreTasks.lastItem(bytes32(uint256(9)), score);
        vm.prank(made.account);
        claimed = disputes.claim{value: proof.bond}(task, root);
        AnswerOpening memory opening;
        opening.answer = answerOf(made.account);
        opening.answersRoot = entry.submitted & 1 != 0 ? rootOf(made.account) : bytes32(0);
        opening.finalsRoot = entry.submitted & 4 != 0 ? rootOf(made.account) : bytes32(0);
        bytes32[] memory none = new bytes32[](0);
        FamilyLevel[] memory list = families();
        vm.prank(made.account);
        swarms.stand(number, list, proof, opening, claimed, bytes32(uint256(9)), none);
    }
}
